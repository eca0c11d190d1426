"""`/audit`: pages and a table for owners, nothing for editors."""

from __future__ import annotations

from talking import START, Chat, labels

from bot.domain.desk import Role


async def test_pages_and_the_table(chat: Chat) -> None:
    owner = await chat.editor(9001, Role.OWNER)
    for n in range(12):
        await chat.storage.editors.log(9001, "invited", str(n), now=START + n)
    await owner.send("/audit")
    shown = await owner.next("Кто что сделал")
    assert labels(shown) == [["Раньше ›"], ["CSV"]]
    assert "приглашение редактора · 11" in shown["text"]
    await owner.tap(shown, "Раньше")
    older = await owner.next("Кто что сделал")
    assert labels(older) == [["‹ К новым"], ["CSV"]]
    assert older["text"].endswith("приглашение редактора · 0")
    await owner.tap(older, "К новым")
    assert labels(await owner.next("Кто что сделал"))[0] == ["Раньше ›"]
    await owner.tap(older, "CSV")
    assert (await owner.next())["document"]["file_name"] == "audit.csv"


async def test_editors_do_not_see_it(chat: Chat) -> None:
    ada = await chat.editor(501)
    await chat.storage.editors.log(9001, "invited", "editor", now=START)
    await ada.send("/audit")
    assert "Кто что" not in (await ada.next())["text"]
    await ada.press(ada.chat()[-1], "audit:99")
    await chat.idle()
    assert not any("приглашение" in message.get("text", "") for message in ada.chat())
