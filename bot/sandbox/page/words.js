// The page's own words. What the bot says comes from the bot.
export const WORDS = {
  en: {
    whyOutage: "Telegram is down: the bot keeps everything and tries again.", whyFlood: "Telegram asked the bot to wait for half a minute.",
    whyBlocked: "{0} blocked the bot. Choices are kept; unblock, then /start.", whyNobody: "{0} has not begun yet: press START.",
    whyUnfinished: "{0}: tick sections, then press Done. Until then nothing is sent.", whyGone: "{0}: the bot no longer writes here. /start begins again.",
    whyPaused: "{0}: paused, nothing comes until the end of the pause.",
    whyFew: "{0}: no section is ticked, only breaking news comes.",
    demo: "demo", language: "Language of this page", theme: "Light or dark", skip: "Go to the chats", ok: "OK",
    tagline: "A news bot and the people it serves, all on this machine. Nothing here reaches the real Telegram.", clock: "Newsroom time",
    moveClock: "Move the clock", plus10: "+10 min", plus60: "+1 h", night: "to 23:30", morning: "to 08:00",
    here: "Where you are: {0}. Chats show your time.", allWell: "News is coming in.", tryThis: "Try this", do1: "START as the reader",
    do3: "/breaking as the editor",
    step1: "Left (on a phone: the first tab) is a reader. Press START, tick a few sections, then Done. The last row changes the language.",
    step2: "Stories now arrive by themselves: a new one in each language every minute and a half. Impatient? +10 min.",
    step3: "Right (the editor's tab) is the newsroom. Send /breaking, then one line of news. You see the exact post before it goes out. A silent crowd gets it too: watch, pause or stop it. The tabs beside it are the channel, which gets news first, and the desk's group.",
    step4: "Type /rates for exchange rates, or any word: the bot searches its stories. “/” lists the commands.",
    step5: "Make trouble below: block the bot, cut Telegram off. Nothing is lost, and the line under the clock says why it is quiet.", trouble: "Trouble",
    troubleText: "What happens to every bot sooner or later.", block: "The reader blocks the bot", outage: "Telegram is down",
    flood: "Telegram says: too many requests (429)", calls: "Calls", callsText: "The bot's latest calls to Telegram.", readers: "Readers",
    newsroom: "Newsroom", start: "START", message: "Message", send: "Send", menu: "Commands", blockMe: "Block the bot", unblockMe: "Unblock the bot",
    blocked: "You blocked the bot", bot: "bot", reader: "reader", editor: "editor", group: "group", channel: "channel", you: "You", edited: "edited", deleted: "deleted",
    silent: "without a sound", versions: "Earlier versions", newer: "Newest messages", spoiler: "Hidden text, press to show",
    more: "Show all", less: "Show less", copied: "Copied", photo: "Picture", reply: "In reply to", welcome: "What can this bot do?",
    noBot: "The bot is still starting…", unsupported: "This kind of button is not part of the demo",
    offline: "The demo has stopped. Start it again with: newsdesk demo", failed: "That did not work: {0}", as: "as {0}", keyboard: "Reply keyboard",
    unread: "{0} new", joined: "joined", left: "left", pins: "pinned a message", service: "service message",
  },
  ru: {
    whyOutage: "Telegram недоступен: бот всё хранит и пробует снова.", whyFlood: "Telegram попросил бота подождать полминуты.",
    whyBlocked: "{0}: бот заблокирован. Выбор сохранён: разблокируйте и нажмите /start.", whyNobody: "{0}: START ещё не нажат.",
    whyUnfinished: "{0}: отметьте разделы и нажмите «Готово». До этого ничего не приходит.", whyGone: "{0}: бот сюда больше не пишет. /start – начать снова.",
    whyPaused: "{0}: пауза, до её конца ничего не приходит.",
    whyFew: "{0}: разделы не отмечены, приходит только срочное.",
    demo: "демо", language: "Язык этой страницы", theme: "Светлая или тёмная", skip: "К чатам", ok: "Понятно",
    tagline: "Новостной бот и люди, которым он служит, – всё на этой машине. До настоящего Telegram ничего не доходит.", clock: "Время редакции",
    moveClock: "Перевести часы", plus10: "+10 мин", plus60: "+1 ч", night: "до 23:30", morning: "до 08:00", here: "У вас сейчас {0}. В чатах – ваше время.",
    allWell: "Новости идут.", tryThis: "Попробуйте", do1: "START за читателя", do3: "/breaking за редактора",
    step1: "Слева (на телефоне – первая вкладка) читатель. Нажмите START, отметьте пару разделов, затем «Готово». Язык меняет последний ряд.",
    step2: "Теперь новости приходят сами: на каждом языке новая раз в полторы минуты. Не терпится – +10 мин.",
    step3: "Справа (вкладка редактора) редакция. Отправьте /breaking, потом строку новости. До отправки вы увидите пост точно таким, какой уйдёт. Его получит и толпа молчаливых читателей: следите, ставьте на паузу, останавливайте. Рядом вкладки канала, который получает всё первым, и группы редакции.",
    step4: "Напишите /rates – придут курсы валют, а на любое слово бот ищет в своих новостях. «/» покажет команды.",
    step5: "Устройте неприятности: заблокируйте бота, отключите Telegram. Ничего не пропадёт, а строка под часами объяснит тишину.", trouble: "Сбои",
    troubleText: "Рано или поздно это случается с каждым ботом.", block: "Читатель блокирует бота", outage: "Telegram недоступен",
    flood: "Telegram: слишком много запросов (429)", calls: "Вызовы", callsText: "Последние обращения бота к Telegram.", readers: "Читатели",
    newsroom: "Редакция", start: "START", message: "Сообщение", send: "Отправить", menu: "Команды", blockMe: "Заблокировать бота",
    unblockMe: "Разблокировать бота", blocked: "Вы заблокировали бота", bot: "бот", reader: "читатель", editor: "редактор", group: "группа", channel: "канал", you: "Вы",
    edited: "изменено", deleted: "удалено", silent: "без звука", versions: "Прежние версии", newer: "К новым сообщениям",
    spoiler: "Скрытый текст, нажмите, чтобы показать", more: "Показать всё", less: "Свернуть", copied: "Скопировано", photo: "Картинка",
    reply: "В ответ на", welcome: "Что умеет этот бот?", noBot: "Бот ещё запускается…", unsupported: "Таких кнопок в демо нет",
    offline: "Демо остановлено. Запустить снова: newsdesk demo", failed: "Не получилось: {0}", as: "как {0}", keyboard: "Клавиатура ответа",
    unread: "новых: {0}", joined: "в чате", left: "вышел из чата", pins: "закреплено сообщение", service: "служебное сообщение",
  },
  kk: {
    whyOutage: "Telegram жұмыс істемей тұр: бот бәрін сақтап, қайта байқайды.", whyFlood: "Telegram боттан жарты минут күтуді сұрады.",
    whyBlocked: "{0}: бот бұғатталған. Таңдау сақталды: бұғаттан шығарып, /start басыңыз.",
    whyNobody: "{0}: START әлі басылмаған.",
    whyUnfinished: "{0}: бөлімдерді белгілеп, «Дайын» басыңыз. Оған дейін ештеңе келмейді.", whyGone: "{0}: бот енді мұнда жазбайды. /start – қайта бастау.",
    whyPaused: "{0}: үзіліс, ол біткенше ештеңе келмейді.",
    whyFew: "{0}: бөлім белгіленбеген, тек шұғыл жаңалық келеді.", demo: "демо", language: "Осы беттің тілі", theme: "Жарық немесе қараңғы",
    skip: "Чаттарға өту", ok: "Түсінікті", tagline: "Жаңалықтар боты мен оның оқырмандары – бәрі осы компьютерде. Нағыз Telegram-ға ештеңе жетпейді.",
    clock: "Редакция уақыты", moveClock: "Сағатты жылжыту", plus10: "+10 мин", plus60: "+1 сағ", night: "→ 23:30", morning: "→ 08:00",
    here: "Сізде қазір {0}. Чаттарда – сіздің уақытыңыз.", allWell: "Жаңалықтар келіп жатыр.", tryThis: "Байқаңыз", do1: "Оқырман: START",
    do3: "Редактор: /breaking", step1: "Сол жақта (телефонда – бірінші қойынды) оқырман. START басыңыз, бірнеше бөлімді белгілеңіз, сосын «Дайын». Соңғы қатар тілді өзгертеді.",
    step2: "Енді жаңалықтар өздері келеді: әр тілде бір жарым минут сайын біреуі. Асықсаңыз: +10 мин.",
    step3: "Оң жақта (редактор қойындысы) редакция. /breaking жіберіңіз, сосын бір жол жаңалық. Жіберер алдында постты дәл сол күйінде көресіз. Оны үнсіз оқырмандар да алады: бақылаңыз, кідіртіңіз, тоқтатыңыз. Қасында бәрін бірінші алатын арна мен редакция тобының қойындылары.",
    step4: "/rates деп жазсаңыз – валюта бағамы, ал кез келген сөз – жаңалықтардан іздеу. «/» командаларды көрсетеді.",
    step5: "Төменде кедергі жасап көріңіз: ботты бұғаттаңыз, Telegram-ды өшіріңіз. Ештеңе жоғалмайды.", trouble: "Кедергі",
    troubleText: "Ерте ме, кеш пе, мұндай жағдай әр ботта болады.", block: "Оқырман ботты бұғаттайды", outage: "Telegram жұмыс істемейді",
    flood: "Telegram: сұрау тым көп (429)", calls: "Сұраулар", callsText: "Боттың Telegram-ға соңғы сұраулары.", readers: "Оқырмандар",
    newsroom: "Редакция", start: "START", message: "Хабарлама", send: "Жіберу", menu: "Командалар", blockMe: "Ботты бұғаттау", unblockMe: "Бұғаттан шығару",
    blocked: "Сіз ботты бұғаттадыңыз", bot: "бот", reader: "оқырман", editor: "редактор", group: "топ", channel: "арна", you: "Сіз", edited: "өзгертілді",
    deleted: "жойылды", silent: "дыбыссыз", versions: "Алдыңғы нұсқалар", newer: "Жаңа хабарламаларға",
    spoiler: "Жасырын мәтін, көру үшін басыңыз", more: "Бәрін көрсету", less: "Жинау", copied: "Көшірілді", photo: "Сурет", reply: "Жауап",
    welcome: "Бұл бот не істей алады?", noBot: "Бот іске қосылып жатыр…", unsupported: "Мұндай түйме демода жоқ",
    offline: "Демо тоқтады. Қайта қосу: newsdesk demo", failed: "Болмады: {0}", as: "{0}", keyboard: "Жауап пернетақтасы", unread: "жаңа: {0}",
    joined: "чатта", left: "чаттан шықты", pins: "хабарлама бекітілді", service: "қызметтік хабарлама",
  },
};
const wanted = () => {
  const known = (code) => ({ kz: "kk" })[code] ?? code;
  const list = [recall("language"), ...navigator.languages].map((tag) => known(String(tag).slice(0, 2).toLowerCase()));
  return list.find((code) => code in WORDS) ?? "en";
};
export function recall(key) { try { return localStorage.getItem(`newsdesk-${key}`); } catch { return null; } }
export function remember(key, value) { try { localStorage.setItem(`newsdesk-${key}`, value); } catch { /* private window */ } }
let language = wanted();
export const knows = (key) => key in WORDS.en;
export const speaks = () => language;
export const say = (key, ...fill) => WORDS[language][key].replace(/\{(\d)\}/g, (_, n) => fill[n]);
export function speak(code = language) {
  language = code;
  document.documentElement.lang = code;
  for (const node of document.querySelectorAll("[data-w]")) node.textContent = say(node.dataset.w);
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", say(node.dataset.label));
    if (node.matches("button")) node.title = say(node.dataset.label);
  }
}
