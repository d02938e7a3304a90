"use strict";
// Every word comes from the controller in both languages; this file only chooses one and shows it.

const CODE_DIGITS = 8;
const CONFIRM_MS = 3000;
const IDLE_MS = 45000;
const ANSWER_MS = 8000;
const at = (id) => document.getElementById(id);

let language = "zh";
let typed = "";
let asking = false;
let shown = null;
let armed = 0;
let idle = 0;

const inWords = (sentence) => sentence[language];

// --- language

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  for (const part of document.querySelectorAll("span[data-zh]")) part.textContent = part.dataset[language];
  if (shown) draw();
}

// --- the code

function type(digit) {
  if (at("start").hidden) showStart();
  if (typed.length < CODE_DIGITS && !asking) typed += digit;
  drawTyped();
}

function erase(all) {
  typed = all ? "" : typed.slice(0, -1);
  drawTyped();
}

function drawTyped() {
  [...at("typed").children].forEach((place, n) => {
    place.textContent = typed[n] ?? "";
    place.className = n < typed.length ? "given" : "";
  });
  at("open").disabled = asking || typed.length !== CODE_DIGITS;
}

async function openByCode() {
  if (asking || typed.length !== CODE_DIGITS) return;
  asking = true;
  const code = typed;
  erase(true);
  try {
    const answer = await ask("/code", { code });
    // What opens is told by the stream, in order; a refusal is worth saying even if the stream is broken.
    if (answer.kind === "refused") show(answer.panel);
  } catch {
    show({ tone: "stop", says: at("no-answer").dataset, hint: at("try-again").dataset, stay_s: 15 });
  } finally {
    asking = false;
    drawTyped();
  }
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

// --- panels

// What is half typed stays: the panel may be about somebody else's door.
function show(panel) {
  shown = { ...panel, until: Date.now() + (panel.wait_s || 0) * 1000, leaves: Date.now() + panel.stay_s * 1000 };
  at("start").hidden = true;
  at("panel").hidden = false;
  draw();
}

function draw() {
  at("panel").className = shown.tone;
  at("panel-door").hidden = !shown.door;
  at("panel-door").textContent = shown.door ?? "";
  at("panel-says").textContent = inWords(shown.says);
  at("panel-hint").textContent = inWords(shown.hint);
  drawWait();
}

function drawWait() {
  const seconds = Math.ceil((shown.until - Date.now()) / 1000);
  at("panel-wait").hidden = seconds <= 0;
  at("panel-wait").textContent = at("panel-wait").dataset[language].replace("{s}", seconds);
}

function showStart() {
  shown = null;
  at("panel").hidden = true;
  at("start").hidden = false;
}

function everySecond() {
  if (!shown) return;
  if (Date.now() >= shown.leaves) showStart();
  else drawWait();
}

// --- someone is inside: never blocked, by nothing on the screen

async function inside() {
  if (!armed) {
    armed = setTimeout(disarm, CONFIRM_MS);
    drawInside();
    return;
  }
  disarm();
  try {
    show((await ask("/inside", {})).panel);
  } catch {
    show({ tone: "stop", says: at("inside-failed").dataset, hint: { zh: phone(), en: phone() }, stay_s: 120 });
  }
}

const phone = () => at("phone").textContent;

function disarm() {
  clearTimeout(armed);
  armed = 0;
  drawInside();
}

function drawInside() {
  at("inside").className = armed ? "armed" : "";
  at("inside-first").hidden = Boolean(armed);
  at("inside-again").hidden = !armed;
}

// --- the state of the start page

function drawState(state) {
  at("online").hidden = !state.online;
  at("offline").hidden = state.online;
  at("loading").hidden = state.deposited === null;
  at("phone").textContent = state.phone;
  // Number and picture change together: the old number belongs to the old picture.
  const next = new Image();
  next.onload = () => {
    at("qr").src = next.src;
    at("qr").hidden = false;
    at("qr").dataset.nonce = state.nonce;
    at("two-digits").textContent = state.two_digits;
  };
  next.src = `/qr.svg?n=${state.nonce}`;
}

function listen() {
  const live = new EventSource("/live");
  live.addEventListener("state", (event) => drawState(JSON.parse(event.data)));
  live.addEventListener("panel", (event) => show(JSON.parse(event.data)));
}

// --- nobody there any more

function touched() {
  clearTimeout(idle);
  idle = setTimeout(() => {
    erase(true);
    speak("zh");
    if (shown && shown.tone === "stop" && shown.until <= Date.now()) showStart();
  }, IDLE_MS);
}

function key(event) {
  const name = event.key.normalize("NFKC");
  if (/^[0-9]$/.test(name)) type(name);
  else if (name === "Backspace") erase(false);
  else if (name === "Escape") erase(true);
  else if (name === "Enter" && typed.length === CODE_DIGITS) openByCode();
  else return;
  event.preventDefault();
}

for (const button of document.querySelectorAll("[data-digit]")) {
  button.addEventListener("click", () => type(button.dataset.digit));
}
at("clear").addEventListener("click", () => erase(true));
at("erase").addEventListener("click", () => erase(false));
at("open").addEventListener("click", openByCode);
at("back").addEventListener("click", showStart);
at("inside").addEventListener("click", inside);
at("language").addEventListener("click", () => speak(language === "zh" ? "en" : "zh"));
document.addEventListener("keydown", key);
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touched);
document.addEventListener("contextmenu", (event) => event.preventDefault());
setInterval(everySecond, 500);
listen();
