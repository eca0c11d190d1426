// The page of `newsdesk demo`: it plays Telegram for several people at once, against the stand-in's /sim/ API.
import { knows, recall, remember, say, speak, speaks } from "./words.js";
import { address, ago, article, clockTime, h, icon, inlineKeys, pictures, preview, rich, startOf } from "./render.js";

const $ = (id) => document.getElementById(id);
const columns = [...document.querySelectorAll(".col")];
const views = new Map(); // "user:chat" → View
const shown = [null, null]; // the visible view of each column
let state = { people: [], chats: [], commands: {}, faults: [], bot: {}, bot_texts: {}, now: 0, note: "" };
let clock = { epoch: 0, at: performance.now() };
let floodUntil = 0;
const now = () => clock.epoch + (performance.now() - clock.at) / 1000;

async function ask(path, body, method = body ? "POST" : "GET") {
  const options = body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
  const answer = await fetch(`/sim/${path}`, { method, ...options });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.error ?? data.description ?? answer.statusText);
  return data;
}
const complain = (view) => (error) => view?.toast(say("failed", error.message));

class View {
  constructor(person, chat, column) {
    Object.assign(this, { person, chat, column, messages: new Map(), unread: 0, keyboard: null });
    this.private = chat.type === "private";
    this.id = `v${person.id}_${chat.id}`.replace(/-/g, "n");
    this.context = {
      lang: person.lang, now, bot: () => state.bot.username, send: (text) => this.open().then((v) => v.send(text)),
      grown: () => this.settle(),
    };
    this.build();
    columns[column].append(this.root);
    columns[column].querySelector(".tabs").append(this.tab);
  }
  // Whose phone it is, in words, unless the name says so.
  get role() { return this.private && !/reader|editor|читат|редакт/i.test(this.person.name) ? say(this.column ? "editor" : "reader") : ""; }
  get name() { return this.private ? this.person.name : this.chat.title ?? ""; }
  // A deep link pressed in a group or channel opens the person's own chat with the bot.
  async open() {
    const view = views.get(`${this.person.id}:${this.person.id}`) ?? this;
    if (view !== this) show(view);
    return view;
  }
  build() {
    this.badge = h("span", { className: "badge", hidden: true });
    this.tab = h("button", { type: "button", role: "tab", id: `${this.id}-t`, "aria-controls": this.id, on: { click: () => show(this) } },
      h("span", { className: "tabname" }, this.name), h("span", { className: "role" }), this.badge);
    this.title = h("strong");
    this.subtitle = h("span", { className: "sub" });
    this.stop = h("button", { type: "button", className: "round stop", hidden: !this.private, on: { click: () => block(this) } }, icon("stop"));
    this.log = h("div", { className: "log", role: "log", "aria-live": "polite", tabIndex: 0, on: { scroll: () => this.scrolled() } });
    this.start = h("div", { className: "start" });
    this.down = h("button", { type: "button", className: "round down", hidden: true, on: { click: () => this.settle(true) } }, icon("down"));
    this.box = h("textarea", { rows: 1, maxLength: 4096, on: { input: () => this.typed(), keydown: (event) => this.key(event) } });
    this.list = h("div", { className: "list", role: "listbox", id: `${this.id}-l`, hidden: true });
    this.menu = h("button", { type: "button", className: "round menu", hidden: !this.private,
      on: { click: () => { this.box.value = this.list.hidden ? "/" : ""; this.typed(); this.box.focus(); } } }, icon("menu"));
    this.go = h("button", { type: "submit", className: "round go" }, icon("send"));
    this.form = h("form", { className: "composer", on: { submit: (event) => { event.preventDefault(); this.submit(); } } },
      this.menu, this.box, this.go);
    this.back = h("button", { type: "button", className: "wide", hidden: true, on: { click: () => block(this) } });
    this.keys = h("div", { className: "replykeys", role: "group", hidden: true });
    this.note = h("p", { className: "toast", role: "status", hidden: true });
    this.box.setAttribute("aria-controls", this.list.id);
    this.box.setAttribute("aria-autocomplete", "list");
    this.root = h("article", { className: "phone", id: this.id, role: "tabpanel", "aria-labelledby": this.tab.id },
      h("header", {}, h("span", { className: `face c${Math.abs(this.chat.id) % 5}`, "aria-hidden": "true" }), 
        h("div", { className: "who" }, this.title, this.subtitle), this.stop),
      h("div", { className: "scroll" }, this.log, this.start, this.down, this.note), this.list, this.form, this.back, this.keys);
  }

  // Words, names, the blocked bar: whatever depends on the state or on the page's language.
  refresh() {
    const bot = state.bot_texts[this.person.lang] ?? state.bot_texts.default ?? {};
    const blocked = this.private && this.person.blocked;
    this.title.textContent = this.private ? bot.name || state.bot.first_name || "…" : this.name;
    this.root.querySelector(".face").textContent = this.title.textContent.slice(0, 1);
    this.subtitle.textContent = this.private ? `${say("bot")} · ${say("as", this.person.name)}` : say(this.chat.type === "channel" ? "channel" : "group");
    this.tab.querySelector(".tabname").textContent = this.name;
    this.tab.querySelector(".role").textContent = this.role;
    this.badge.textContent = this.unread || "";
    this.badge.hidden = !this.unread;
    const label = `${this.name} ${this.role}`.trim();
    this.tab.setAttribute("aria-label", this.unread ? `${label}, ${say("unread", this.unread)}` : label);
    for (const [node, word] of [[this.menu, "menu"], [this.go, "send"], [this.down, "newer"], [this.box, "message"]]) {
      node.setAttribute("aria-label", say(word));
    }
    this.box.placeholder = say("message");
    this.log.setAttribute("aria-label", `${this.title.textContent}, ${this.name}`);
    this.stop.setAttribute("aria-label", say(blocked ? "unblockMe" : "blockMe"));
    this.stop.title = say(blocked ? "unblockMe" : "blockMe");
    this.stop.setAttribute("aria-pressed", blocked);
    this.back.textContent = `${say("blocked")} · ${say("unblockMe")}`;
    this.back.hidden = !blocked;
    const empty = this.private && !this.messages.size;
    this.form.hidden = blocked || empty;
    this.keys.hidden = blocked || !this.keyboard;
    const began = !empty && this.start.contains(document.activeElement);
    this.start.hidden = !empty;
    if (began) this.log.focus({ preventScroll: true }); // the button pressed is gone: go on in the chat
    const shape = `${speaks()}${blocked}${bot.description}${bot.short_description}`;
    if (empty && this.shape !== shape) {
      this.shape = shape; // rebuilt only when it changes: a press must not lose its button
      const press = h("button", { type: "button", className: "main", on: { click: () => this.send("/start") } }, say("start"));
      this.start.replaceChildren(h("div", { className: "card" }, h("h3", {}, say("welcome")),
        h("p", {}, bot.description || bot.short_description || say("noBot"))), blocked ? "" : press);
    }
  }
  async load() {
    this.late = []; // what arrives meanwhile comes after
    const { messages } = await ask(`chat/${this.chat.id}`).catch(() => ({ messages: [] }));
    this.messages.clear();
    this.log.replaceChildren();
    for (const message of messages) this.put(message, true);
    const late = this.late;
    this.late = null;
    for (const event of late) hear(this, event);
    this.refresh();
    this.settle(true);
    explain();
  }
  put(message, old = false) {
    const [known, entry] = [this.messages.get(message.message_id), { message, node: null }];
    this.messages.set(message.message_id, entry);
    const bottom = this.atBottom();
    const first = [...this.messages.values()].findLast((e) => e !== entry && message.media_group_id
      && e.message.media_group_id === message.media_group_id && e.node.querySelector(".album"));
    const held = known?.node.contains(document.activeElement)
      ? [...known.node.querySelectorAll("button, a")].indexOf(document.activeElement) : -1;
    const markup = message.markup ?? message.reply_markup ?? {};
    if (known?.joined || (first && !known)) {
      entry.node = first?.node ?? known.node;
      entry.joined = true;
      if (!known) entry.node.querySelector(".album").append(...pictures(message));
      return;
    }
    entry.node = this.draw(message, markup);
    if (known) known.node.replaceWith(entry.node); else this.log.append(entry.node);
    if (held >= 0) entry.node.querySelectorAll("button, a")[held]?.focus({ preventScroll: true });
    if (!old && !known) entry.node.classList.add("fresh");
    if (message.from?.is_bot && !known) this.setKeyboard(markup);
    this.settle(bottom || message.from?.id === this.person.id);
  }
  draw(message, markup) {
    const { context } = this;
    const mine = message.from?.id === this.person.id;
    const [text, blocks] = [message.text ?? message.caption ?? "", message.rich_message?.blocks];
    const album = pictures(message);
    if (!text && !album.length && !message.document && !blocks) return this.service(message);
    const options = message.link_preview_options ?? {};
    const card = preview(message, context);
    const body = blocks ? h("div", { className: "article" }, article(blocks, context)) : h("div", { className: "text" }, rich(text, message.entities ?? message.caption_entities, context));
    const reply = message.reply_to_message;
    const before = (message.history ?? []).map((past) => past.text ?? past.caption ?? "").filter((past, i, all) => past && past !== (all[i + 1] ?? text));
    const versions = h("div", { className: "versions", hidden: true }, before.slice(-5).map((past) => h("del", {}, past)));
    const flip = ({ target }) => { versions.hidden = !versions.hidden; target.setAttribute("aria-expanded", !versions.hidden); };
    const meta = h("span", { className: "meta" },
      message.deleted && h("span", { className: "gone" }, say("deleted")),
      before.length > 0 && h("button", { type: "button", className: "edited", title: say("versions"), "aria-expanded": "false", on: { click: flip } }, say("edited")),
      message.silent && h("span", { className: "silent", title: say("silent") }, icon("mute"), h("span", { className: "unseen" }, say("silent"))),
      h("time", { dateTime: new Date(message.date * 1000).toISOString(), title: clockTime(message.date, { dateStyle: "full", timeStyle: "long" }) }, clockTime(message.date)));
    const topic = this.chat.topics?.find?.((t) => (t.id ?? t.message_thread_id) === message.message_thread_id);
    const sender = mine || this.private ? null : message.from?.first_name ?? message.sender_chat?.title;
    const bubble = h("div", { className: "bubble" },
      sender && h("span", { className: "from" }, sender, topic ? ` · ${topic.name}` : ""),
      reply && h("button", { type: "button", className: "reply", "aria-label": say("reply"), on: { click: () => this.jump(reply.message_id) } },
        h("strong", {}, reply.from?.first_name ?? ""), h("span", {}, reply.text ?? reply.caption ?? say("photo"))),
      options.show_above_text && card,
      album.length > 0 && !message.show_caption_above_media && h("div", { className: "album" }, album),
      message.document && h("a", { className: "file", href: `/sim/file/${encodeURIComponent(message.document.file_id)}`, download: message.document.file_name ?? "" },
        icon("file"), message.document.file_name ?? message.document.file_id),
      (text || blocks) && body,
      album.length > 0 && message.show_caption_above_media && h("div", { className: "album" }, album),
      !options.show_above_text && card,
      versions, meta);
    const node = h("article", { className: `msg ${mine ? "out" : "in"}${message.deleted ? " deleted" : ""}`, "aria-label": `${mine ? say("you") : sender ?? this.title.textContent}, ${clockTime(message.date)}` },
      bubble, message.deleted ? null : inlineKeys(markup.inline_keyboard, (key, button) => this.press(message, key, button)));
    for (const image of node.querySelectorAll(".album img")) image.addEventListener("load", () => this.settle());
    return node;
  }
  service(message) {
    const who = message.from?.first_name ?? message.sender_chat?.title ?? "";
    const what = message.new_chat_members ? say("joined") : message.left_chat_member ? say("left") : say(message.pinned_message ? "pins" : "service");
    return h("p", { className: "msg service" }, h("span", {}, `${who}: ${what}`));
  }
  setKeyboard(markup) {
    if (markup.remove_keyboard) this.keyboard = null;
    else if (markup.keyboard) this.keyboard = markup.keyboard;
    else return;
    const rows = (this.keyboard ?? []).map((row) => h("div", { className: "keyrow" }, row.map((key) => {
      const text = key.text ?? key;
      return h("button", { type: "button", className: `key ${key.style ?? ""}`, on: { click: () => this.send(text) } }, text);
    })));
    this.keys.setAttribute("aria-label", say("keyboard"));
    this.keys.replaceChildren(...rows);
  }
  press(message, key, button) {
    if (key.callback_data !== undefined) {
      button.classList.add("busy");
      const body = { user_id: this.person.id, chat_id: this.chat.id, message_id: message.message_id, data: key.callback_data };
      ask("tap", body).then((answer) => this.answered(answer ?? {}), complain(this)).finally(() => button.classList.remove("busy"));
    } else if (key.url) this.follow(key.url);
    else if (key.copy_text) navigator.clipboard.writeText(key.copy_text.text).then(() => this.toast(say("copied")), complain(this));
    else if (key.switch_inline_query_current_chat !== undefined || key.switch_inline_query !== undefined) {
      this.box.value = `@${state.bot.username} ${key.switch_inline_query_current_chat ?? key.switch_inline_query}`;
      this.box.focus();
      this.typed();
    } else this.toast(say("unsupported"));
  }
  follow(text) {
    const url = address(text);
    const start = url && startOf(url, state.bot.username);
    if (start !== null && url) this.context.send(`/start ${start}`.trim());
    else if (url) window.open(url.href, "_blank", "noopener,noreferrer");
  }
  answered({ text, show_alert: alert, url }) {
    if (url) this.follow(url);
    if (!text) return;
    if (!alert) { this.toast(text); return; }
    $("alert-t").textContent = text;
    $("alert").showModal();
  }
  toast(text) {
    this.note.textContent = text;
    this.note.hidden = false;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => { this.note.hidden = true; }, 2500 + text.length * 45);
  }
  send(text) {
    return ask("send", { user_id: this.person.id, chat_id: this.chat.id, text }).catch(complain(this));
  }
  submit() {
    const text = this.box.value.trim();
    this.box.value = "";
    this.typed();
    if (text) this.send(text);
  }

  // Suggestions above the text field: the bot's commands after "/", inline results after "@bot ".
  async typed() {
    const value = this.box.value;
    this.box.rows = Math.min(5, value.split("\n").length);
    const inline = value.match(/^@(\w+) (.*)$/s);
    if (inline && inline[1] === state.bot.username) {
      const { results } = await ask("inline", { user_id: this.person.id, query: inline[2] }).catch(() => ({ results: [] }));
      if (this.box.value !== value) return;
      this.suggest((results ?? []).map((r) => [r.title ?? "", r.description ?? "", r.input_message_content?.message_text]));
    } else if (/^\/\w*$/.test(value) && this.private) {
      const fits = commandsFor(this).filter((c) => `/${c.command}`.startsWith(value));
      this.suggest(fits.map((c) => [`/${c.command}`, c.description, `/${c.command}`]));
    } else this.suggest([]);
  }
  suggest(rows) {
    this.chosen = -1;
    this.list.hidden = !rows.length;
    this.box.removeAttribute("aria-activedescendant");
    const pick = (text) => { this.box.value = text ?? ""; this.submit(); this.box.focus(); };
    this.list.replaceChildren(...rows.map(([title, about, text], i) => h("div",
      { role: "option", id: `${this.list.id}-${i}`, className: "option", on: { mousedown: (event) => { event.preventDefault(); pick(text); } } },
      h("strong", {}, title), h("span", {}, about))));
  }
  key(event) {
    const options = [...this.list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      this.chosen = (this.chosen + step + options.length + (this.chosen < 0 && step < 0 ? 1 : 0)) % options.length;
      options.forEach((option, i) => option.setAttribute("aria-selected", i === this.chosen));
      options[this.chosen].scrollIntoView({ block: "nearest" });
      this.box.setAttribute("aria-activedescendant", options[this.chosen].id);
    } else if (event.key === "Escape") this.suggest([]);
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (options[this.chosen]) options[this.chosen].dispatchEvent(new MouseEvent("mousedown"));
      else this.submit();
    }
  }
  jump(id) {
    const node = this.messages.get(id)?.node;
    node?.scrollIntoView({ block: "center", behavior: "smooth" });
    node?.animate([{}, { opacity: 0.3 }, {}], 900);
  }
  atBottom() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 90; }
  scrolled() { this.held = !this.atBottom(); this.down.hidden = !this.held; }
  settle(force = false) {
    if (force || !this.held) { this.held = false; this.log.scrollTop = this.log.scrollHeight; }
    this.down.hidden = !this.held;
  }
}

function commandsFor({ person, chat }) {
  const scopes = [`chat:${chat.id}`, "all_private_chats", "default"];
  for (const scope of scopes) for (const lang of [person.lang, "default"]) {
    const found = state.commands?.[scope]?.[lang];
    if (found?.length) return found;
  }
  return [];
}

function present(column) {
  for (const view of views.values()) {
    view.tab.classList.toggle("current", shown[$("stage").dataset.shown] === view);
    if (view.column !== column) continue;
    view.root.hidden = view !== shown[column];
    view.tab.setAttribute("aria-selected", view === shown[column]);
    view.tab.tabIndex = view === shown[column] ? 0 : -1;
  }
}
function show(view, focus = false) {
  shown[view.column] = view;
  $("stage").dataset.shown = view.column;
  view.unread = 0;
  present(view.column);
  refreshSoon();
  if (focus) view.tab.focus();
  view.refresh();
  view.settle(!view.held);
}
const seen = (view) => shown[view.column] === view && (matchMedia("(min-width: 900px)").matches || $("stage").dataset.shown === String(view.column));

// Who plays what, without the crowd: people whose name says editor (or else the last one) sit on the right, with groups and channels.
function cast(everybody, chats) {
  const people = everybody.filter((p) => !p.username?.startsWith("crowd_"));
  const editors = people.filter((p) => /editor|редакт|шеф|owner/i.test(`${p.name} ${p.username ?? ""} ${p.role ?? ""}`));
  const desk = editors.length ? editors : people.length > 1 ? people.slice(-1) : [];
  const own = people.map((p) => [p, { id: p.id, type: "private" }, desk.includes(p) ? 1 : 0]);
  const host = (chat) => desk.find((p) => chat.members?.includes(p.id)) ?? desk[0] ?? people[0];
  return [...own, ...chats.filter((c) => c.type !== "private").map((c) => [host(c), c, 1])];
}

async function refresh() {
  state = await ask(reader() ? `state?user_id=${reader().person.id}` : "state");
  clock = { epoch: state.now, at: performance.now() };
  for (const [person, chat, column] of cast(state.people, state.chats)) {
    const key = `${person.id}:${chat.id}`;
    const view = views.get(key);
    if (view) { Object.assign(view, { person, chat: { ...view.chat, ...chat } }); continue; }
    views.set(key, new View(person, chat, column));
    views.get(key).load();
    const fits = chat.type === "private" && person.lang === speaks() && shown[column]?.person.lang !== speaks();
    if (!shown[column] || fits) shown[column] = views.get(key); // first whoever speaks the visitor's language
    present(column);
  }
  for (const view of views.values()) view.refresh();
  explain();
  for (const button of document.querySelectorAll("[data-fault]")) button.setAttribute("aria-pressed", active(button.dataset.fault));
  tick();
}
// Why nothing arrives at the reader in view. The note is one of the page's own words, or else a sentence.
function reason() {
  if (active("outage")) return say("whyOutage");
  if (active("flood") || now() < floodUntil) return say("whyFlood");
  const { person, messages } = reader() ?? {};
  if (person?.blocked) return say("whyBlocked", person.name);
  if (person && !messages.size) return say("whyNobody", person.name);
  return knows(state.note) ? say(state.note, person.name) : state.note;
}
function explain() {
  const why = reason();
  const text = why || say("allWell");
  if ($("note").textContent !== text) $("note").textContent = text; // said aloud only when it changes
  $("note").classList.toggle("quiet", Boolean(why));
}
let due = 0;
const refreshSoon = () => { clearTimeout(due); due = setTimeout(() => refresh().catch(() => {}), 120); };

function listen() {
  const source = new EventSource("/sim/events");
  source.onopen = () => { $("offline").hidden = true; views.forEach((view) => view.load()); refreshSoon(); };
  source.onerror = () => { $("offline").hidden = false; };
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.now) clock = { epoch: event.now, at: performance.now() };
    if (event.type === "state" || event.type === "clock") refreshSoon();
    for (const view of views.values()) if (view.chat.id === event.chat_id) hear(view, event);
  };
}
function hear(view, event) {
  const { type, message } = event;
  if (view.late) { view.late.push(event); return; }
  if (message && ["message", "edit", "delete"].includes(type)) {
    const past = view.messages.get(message.message_id)?.message;
    if (type === "message" && !past && !seen(view)) view.unread += 1;
    view.put(type === "delete" ? { ...past, ...message, deleted: true } : message);
    view.refresh();
    explain();
    if (view === reader()) refreshSoon(); // a choice may have been made
  }
}

const ZONE = "Asia/Almaty";
function tick() {
  if (!clock.epoch) return;
  const moment = now();
  $("now").textContent = clockTime(moment, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: ZONE });
  $("now").dateTime = new Date(moment * 1000).toISOString();
  $("day").textContent = clockTime(moment, { weekday: "long", day: "numeric", month: "long", timeZone: ZONE });
  const here = clockTime(moment);
  $("here").hidden = here === clockTime(moment, { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
  $("here").textContent = say("here", here);
  for (const time of document.querySelectorAll("time[data-since]")) time.textContent = ago(Number(time.dataset.since), moment, time.dataset.lang);
}
function until(target) {
  const text = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: ZONE }).format(now() * 1000);
  const seconds = (clockText) => clockText.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return ((seconds(`${target}:00`) - seconds(text) + 86399) % 86400) + 1;
}
// An hour passes in steps, so that the bot reads the feeds as they fill; a longer jump is one.
async function advance(seconds) {
  const step = seconds > 3600 ? seconds : 600;
  for (let left = seconds; left > 0; left -= step) {
    await ask("clock", { advance: Math.min(step, left) });
    if (left > step) await new Promise((resume) => setTimeout(resume, 700));
  }
  await refresh();
}

const FAULTS = {
  outage: { name: "server_error", times: null },
  flood: { name: "flood_bot", method: "sendMessage", times: 1, seconds: 30 },
};
const reader = () => shown[0];
function active(kind) {
  return kind === "block" ? Boolean(reader()?.person.blocked) : state.faults.some(({ name }) => name === FAULTS[kind].name);
}
const block = (view) => ask("block", { user_id: view.person.id, blocked: !view.person.blocked }).then(refresh, complain(view));
async function fault(kind) {
  if (kind === "block") return block(reader());
  if (active(kind)) await ask("fault", null, "DELETE");
  else await ask("fault", FAULTS[kind]);
  if (kind === "flood") floodUntil = now() + FAULTS.flood.seconds;
  return refresh();
}
const DO = {
  start: () => { show(reader()); return reader().send("/start"); },
  breaking: async () => {
    const desk = [...views.values()].find((view) => view.private && view.column === 1);
    show(desk);
    if (!desk.messages.size) await desk.send("/start");
    return desk.send("/breaking");
  },
};
async function watchCalls() {
  if (!$("calls").open) return;
  const { calls = [] } = await ask("log?limit=300").catch(() => ({}));
  const told = calls.filter((call) => !/^getupdates$/i.test(call.method)).slice(-40).reverse();
  $("log").replaceChildren(...told.map(({ method, time, answer }) => h("li", { className: answer?.ok ? "" : "bad", title: answer?.description ?? "" },
    h("code", {}, method), h("span", {}, `${answer?.ok ? "" : answer?.error_code ?? "–"} ${clockTime(time, { timeStyle: "medium", timeZone: ZONE })}`))));
}

function wire() {
  $("language").value = speaks();
  $("language").addEventListener("change", (event) => { remember("language", event.target.value); speak(event.target.value); refresh(); });
  const root = document.documentElement;
  if (recall("theme")) root.dataset.theme = recall("theme");
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember("theme", root.dataset.theme);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const { advance: by, until: to, do: act, fault: kind } = button?.dataset ?? {};
    const work = by ? advance(Number(by)) : to ? advance(until(to)) : kind ? fault(kind) : act ? DO[act]() : null;
    if (!work) return;
    button.classList.add("busy");
    work.catch((error) => { $("note").textContent = say("failed", error.message); }).finally(() => button.classList.remove("busy"));
  });
  for (const list of document.querySelectorAll(".tabs")) list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...views.values()].filter((view) => view.tab.parentNode === list);
    const at = all.findIndex((view) => view.tab === document.activeElement);
    if (step && at >= 0) show(all[(at + step + all.length) % all.length], true);
  });
  $("guide").open = matchMedia("(min-width: 1180px)").matches;
  $("calls").addEventListener("toggle", watchCalls);
  setInterval(tick, 1000);
  setInterval(() => { if (!document.hidden) { refreshSoon(); watchCalls(); } }, 5000);
}
speak();
wire();
listen();
