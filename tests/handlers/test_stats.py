"""`/stats`: figures of real sends, for editors only, as words, a picture and a table."""

from __future__ import annotations

from talking import START, Chat, labels

from bot.domain.delivery import Audience, BroadcastState, Lane, Receipt, Result


async def test_words_picture_and_table(chat: Chat) -> None:
    await chat.publish("Мост открыт")
    reader = await chat.storage.readers.meet(700, language="ru", now=START)
    await chat.storage.readers.consent(reader.id, "v1", now=START)
    await chat.storage.readers.choose(reader.id, 1 << 4, True, now=START)
    posts = await chat.storage.posts.latest(-1, [], 1)
    await chat.storage.engine.write("UPDATE post SET state = 'waiting', sections = 16, served = 0")
    id_ = await chat.storage.broadcasts.publish(
        posts, Audience(sections=16), key="k", lane=Lane.REGULAR, total=1, start=0, now=START - 500
    )
    made = [Receipt(id_, reader.id, Result.SENT, 2500, message_id=1)]
    await chat.storage.deliveries.settle(made, [], worker="w", until=9, now=START)
    await chat.storage.broadcasts.change(id_, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=START - 400)
    ada = await chat.editor(501)
    await ada.send("/stats")
    shown = await ada.next("📊")
    assert labels(shown) == [["✅ Неделя", "Месяц"], ["🖼 Картинка", "CSV", "CSV: рост"]]
    assert "Рост\nНовые читатели: 1\n• без метки: 1\n" in shown["text"]
    assert "Спорт\nдоставлено 1 · заблокировали 0\nпришли 1, ушли 0\n" in shown["text"]
    await ada.tap(shown, "Месяц")
    month = await ada.next("📊")
    assert (month["message_id"], labels(month)[0]) == (shown["message_id"], ["Неделя", "✅ Месяц"])
    await ada.tap(month, "Картинка")
    assert (await ada.next())["photo"][-1]["width"] == 1080
    await ada.press(month, "stats:csv:30")
    assert (await ada.next())["document"]["file_name"].endswith("-30.csv")
    await ada.tap(month, "CSV: рост")
    assert (await ada.next())["document"]["file_name"].startswith("growth-")
    await ada.send("/stats месяц")
    assert labels(await ada.next("📊"))[0] == ["Неделя", "✅ Месяц"]
    answer = await ada.press(month, "stats:show:365")
    assert "устарела" in (answer or {})["text"]


async def test_readers_see_no_figures(chat: Chat) -> None:
    reader = chat.sandbox.people.add(700, name="Айгерим", lang="ru")
    await reader.send("/stats")
    assert "📊" not in (await reader.next())["text"]
