"use strict";
// The controller decides and says everything in both languages; this file chooses the language and shows it.

const CODE_DIGITS = 8;
const PLACES = { code: CODE_DIGITS, tail: CODE_DIGITS + 4, pin: 6, door: 3, again: CODE_DIGITS };
const VISIBLE_MS = 800; // a typed digit is masked after this
const CONFIRM_MS = 3000; // the second tap of "someone is inside"
const FORGET_MS = 20000; // typed digits are forgotten
const IDLE_MS = 45000; // the next person finds the start page in Chinese
const ANSWER_MS = 8000;
const AGAIN_MS = 1000;

const at = (id) => document.getElementById(id);
let language = "zh";

// --- language

const words = (sentence) => sentence[language];

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  const fixed = "span[data-zh], button[data-zh]";
  for (const part of document.querySelectorAll(fixed)) part.textContent = words(part.dataset);
  drawPanel();
  drawOverdue();
  drawAsked();
}

// --- the keypad

let typed = "";
let asks = "code"; // what everybody is asked for
let asksThem = null; // what the person who stands there is asked for
let asking = false;
let masking = 0;

function type(digit) {
  if (asking || keypadLocked()) return;
  closePanel();
  if (typed.length < places()) typed += digit;
  drawDigits(typed.length - 1);
  clearTimeout(masking);
  masking = setTimeout(drawDigits, VISIBLE_MS);
}

function erase() {
  typed = typed.slice(0, -1);
  drawDigits();
}

function forget() {
  typed = "";
  asksThem = null;
  drawAsked();
}

const places = () => PLACES[asksThem ?? asks];

function drawAsked() {
  const wanted = asksThem ?? asks;
  at("asks").textContent = words(at("asks-" + wanted).dataset);
  const row = at("digits");
  while (row.children.length < PLACES[wanted]) row.append(document.createElement("i"));
  while (row.children.length > PLACES[wanted]) row.lastElementChild.remove();
  drawDigits();
}

// The code was right so far, or is not enough today: the digits of the phone may be typed after it.
function askForTail(code) {
  asksThem = "tail";
  typed = code;
  touched();
  drawAsked();
}

function drawDigits(visible = -1) {
  [...at("digits").children].forEach((place, n) => {
    place.textContent = n >= typed.length ? "" : n === visible ? typed[n] : "●";
  });
  at("digits").setAttribute("aria-label", `${typed.length} / ${places()}`);
  at("open").disabled = asking || !isWhole();
  at("open-now").hidden = asking;
  at("checking").hidden = !asking;
}

const doors = () => [...document.querySelectorAll("[data-door]")];
const isDoor = (label) => asks === "door" && doors().some((place) => place.dataset.door === label);
const isWhole = () => typed.length === places() || isDoor(typed);

function openByCode() {
  if (!asking && isWhole()) openWith(typed);
}

async function openWith(code) {
  asking = true;
  forget();
  try {
    const told = await post("/code", { code }); // what comes of it is told by the stream, step by step
    if (told.refusal === "tail_wanted") askForTail(code.slice(0, CODE_DIGITS));
  } catch {
    show({ tone: "stop", says: at("no-answer").dataset, next_step: at("try-again").dataset, stay_s: 15 });
  } finally {
    asking = false;
    drawDigits();
  }
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// --- panels: what the screen says for a while

let panel = null;
let lock = null; // the panel that locks the keypad, until its countdown has ended

const inSeconds = (seconds) => performance.now() + seconds * 1000;
const keypadLocked = () => lock !== null && performance.now() < lock.free;

// What is half typed stays: the panel may be about somebody else's door.
function show(told) {
  if (told.on_keypad) {
    if (told.wants === "tail" && asksThem !== "tail") askForTail(typed.slice(0, CODE_DIGITS));
    closePanel();
    return;
  }
  panel = { ...told, ends: inSeconds(told.stay_s), free: inSeconds(told.wait_s ?? 0) };
  if (told.wait_s) lock = { ...panel, ends: panel.free };
  drawPanel();
}

function closePanel() {
  panel = keypadLocked() ? lock : null;
  drawPanel();
}

function drawPanel() {
  at("keypad").hidden = panel !== null;
  at("panel").hidden = panel === null;
  const door = panel?.door ?? null;
  at("map").hidden = door === null && !panel?.all_doors && asks !== "door";
  at("phone-way").hidden = !at("map").hidden;
  for (const place of document.querySelectorAll("[data-door]")) {
    place.classList.toggle("here", place.dataset.door === door);
  }
  if (panel === null) return;
  at("panel").dataset.tone = panel.tone;
  at("door").hidden = door === null;
  at("door").textContent = door ?? "";
  at("says").textContent = words(panel.says);
  at("next-step").textContent = words(panel.next_step);
  drawChoices();
  at("more").hidden = !panel.more;
  at("more").textContent = words(at("more").dataset).replace("{n}", panel.more);
  drawCountdown();
}

// What may be said of the parcel at this door: each is a button; the answer comes as the next panel.
function drawChoices() {
  const buttons = (panel.choices ?? []).map((choice) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.word = choice.word;
    button.textContent = words(choice.says);
    button.addEventListener("click", () => say(choice));
    return button;
  });
  at("choices").replaceChildren(...buttons);
}

async function say({ word, door, about = "" }) {
  for (const button of at("choices").children) button.disabled = true;
  try {
    await post("/say", { word, door, about });
  } catch {
    show({ tone: "stop", says: at("no-answer").dataset, next_step: at("try-again").dataset, stay_s: 15 });
  }
}

let overdue = 0; // doors that the badge at hand may empty

function drawOverdue() {
  at("remove").hidden = overdue === 0;
  at("remove").textContent = words(at("remove").dataset).replace("{n}", overdue);
}

function drawCountdown() {
  const seconds = Math.ceil((panel.free - performance.now()) / 1000);
  at("wait").hidden = seconds <= 0;
  at("wait").textContent = words(at("wait").dataset).replace("{s}", seconds);
  at("back").hidden = seconds > 0;
}

function everyMoment() {
  if (panel === null) return;
  if (performance.now() >= panel.ends) closePanel();
  else drawCountdown();
}

// --- someone is inside: depends on nothing else that this page does

let confirming = 0;

async function inside() {
  if (!confirming) {
    confirming = setTimeout(calmDown, CONFIRM_MS);
    drawInside();
    return;
  }
  calmDown();
  try {
    await post("/inside", {});
  } catch {
    const number = at("phone").textContent;
    const call = { tone: "stop", says: at("inside-failed").dataset, next_step: { zh: number, en: number } };
    show({ ...call, stay_s: 120 });
  }
}

function calmDown() {
  clearTimeout(confirming);
  confirming = 0;
  drawInside();
}

function drawInside() {
  at("inside").classList.toggle("sure", confirming !== 0);
  at("inside-first").hidden = confirming !== 0;
  at("inside-again").hidden = confirming === 0;
}

// --- what the controller tells

function drawState(state) {
  at("lost").hidden = true;
  at("online").hidden = !state.online;
  at("offline").hidden = state.online;
  at("closed").hidden = state.closed_for === "nothing";
  at("closed-new").hidden = state.closed_for !== "new";
  at("closed-all").hidden = state.closed_for !== "all";
  at("closed-because").textContent = state.closed_because;
  at("closed-phone").textContent = state.phone;
  at("last-good").hidden = !state.last_good;
  at("loading").hidden = !state.loading;
  at("phone").textContent = state.phone;
  overdue = state.overdue.length;
  drawOverdue();
  at("forgot").hidden = !state.may_reopen;
  if (asks !== state.asks) {
    asks = state.asks;
    forget();
    drawPanel();
  }
  for (const place of document.querySelectorAll("[data-door]")) {
    place.classList.toggle("open", ["open", "forced"].includes(state.doors[place.dataset.door]));
  }
  if (at("qr").dataset.nonce !== state.nonce) drawQr(state);
}

function drawQr(state) {
  const next = new Image();
  next.onload = () => {
    // Both at once: a number beside another picture would turn somebody away.
    at("qr").src = next.src;
    at("qr").dataset.nonce = state.nonce;
    at("qr").hidden = false;
    at("two-digits").textContent = state.two_digits;
  };
  next.src = `/qr.svg?n=${state.nonce}`;
}

function listen() {
  const live = new EventSource("/live");
  live.addEventListener("state", (event) => drawState(JSON.parse(event.data)));
  live.addEventListener("panel", (event) => show(JSON.parse(event.data)));
  live.addEventListener("error", () => {
    drawLost();
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  });
}

function drawLost() {
  at("lost").hidden = false;
  for (const id of ["online", "offline"]) at(id).hidden = true;
  // A picture that is not renewed would not be taken back.
  at("qr").hidden = true;
  at("qr").dataset.nonce = "";
  at("two-digits").textContent = "";
}

// --- keys, taps, and nobody there any more

function pressed(event) {
  const key = event.key.normalize("NFKC");
  if (/^[0-9]$/.test(key)) type(key);
  else if (key === "Backspace") erase();
  else if (key === "Escape") panel ? closePanel() : forget();
  else if (key === "Enter" && isWhole()) openByCode();
  else return;
  event.preventDefault();
}

let forgetting = 0;
let idling = 0;

function touched() {
  clearTimeout(forgetting);
  clearTimeout(idling);
  forgetting = setTimeout(forget, FORGET_MS);
  idling = setTimeout(() => speak("zh"), IDLE_MS);
}

for (const key of document.querySelectorAll("[data-digit]")) {
  key.addEventListener("click", () => type(key.dataset.digit));
}
for (const place of doors()) {
  place.addEventListener("click", () => !asking && isDoor(place.dataset.door) && openWith(place.dataset.door));
}
at("forgot").addEventListener("click", () => post("/again", {}).catch(drawLost));
at("clear").addEventListener("click", forget);
at("erase").addEventListener("click", erase);
at("open").addEventListener("click", openByCode);
at("back").addEventListener("click", closePanel);
at("remove").addEventListener("click", () => say({ word: "remove", door: "" }));
at("inside").addEventListener("click", inside);
at("language").addEventListener("click", () => speak(language === "zh" ? "en" : "zh"));
document.addEventListener("keydown", pressed);
// A tapped button keeps no focus: Enter on a keyboard means "open", not the button tapped last.
document.addEventListener("mousedown", (event) => event.preventDefault());
document.addEventListener("contextmenu", (event) => event.preventDefault());
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touched);
setInterval(everyMoment, 250);
listen();
