// Keeps an order's page live and sends "open". The server has rendered everything else.
"use strict";
(function () {
  const said = JSON.parse(document.getElementById("said").textContent);
  const here = location.pathname;
  const form = document.getElementById("tap");
  const at = (id) => document.getElementById(id);
  const OVER = ["collected", "expired"];
  const PROGRESS = { opening: 1, open: 3, collected: 4 };
  const RETRY_MS = [1000, 2000, 4000];
  const POLL_MS = 2000;
  const LISTEN_AGAIN_MS = 5000;
  let followed = null; // the parcel whose opening is shown step by step
  let refusedAt = null; // its step when a refusal was shown
  let steps = {};

  // A page on which something may be looked for once more goes on after the order has ended.
  const isOver = (state) => OVER.includes(state.state) && !said.again;

  // --- what the cabinet tells ---

  function show(state) {
    at("order").dataset.state = state.state;
    at("headline").textContent = said.orders[state.state];
    state.parcels.forEach(showParcel);
    if (at("offline")) at("offline").hidden = state.cabinet.online;
    if (at("early")) at("early").hidden = state.state !== "expected";
    if (at("ways") && isOver(state)) at("ways").remove();
    if (followed) progress(PROGRESS[steps[followed]]);
  }

  function showParcel(parcel) {
    const row = document.querySelector('[data-parcel="' + parcel.id + '"]');
    if (!row) return;
    const before = steps[parcel.id];
    steps[parcel.id] = parcel.step;
    row.dataset.step = parcel.step;
    row.querySelector("strong").textContent = said.steps[parcel.step];
    row.querySelector(".door").hidden = !parcel.compartment;
    row.querySelector(".door b").textContent = parcel.compartment || "";
    if (form) {
      const button = form.querySelector('[value="' + parcel.id + '"]');
      button.hidden = !["ready", "stuck"].includes(parcel.step) && !("again" in button.dataset);
      button.querySelector("b").textContent = parcel.compartment || "";
    }
    if (before !== parcel.step && ["opening", "open"].includes(parcel.step)) followed = parcel.id;
    if (followed === parcel.id && refusedAt !== parcel.step) refuse(null);
  }

  // Steps only go forward: what was reached stays ticked when the door has closed again.
  function progress(reached) {
    const list = at("progress");
    if (reached === undefined) return;
    list.hidden = false;
    Array.from(list.children).forEach((item, step) => {
      item.classList.toggle("done", step < reached || reached === 4);
      if (step === reached && reached < 4) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }

  function refuse(says, next) {
    const box = at("refused");
    box.hidden = !says;
    refusedAt = says ? steps[followed] : null;
    if (!says) return;
    at("progress").hidden = true;
    box.querySelector("strong").textContent = says;
    box.querySelector("p").textContent = next || "";
  }

  function listen() {
    const stream = new EventSource(here + "/live");
    stream.addEventListener("state", (event) => {
      const state = JSON.parse(event.data);
      show(state);
      if (isOver(state)) stream.close();
    });
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, LISTEN_AGAIN_MS);
    };
  }

  // --- opening ---

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function asked(body) {
    const headers = { "Content-Type": "application/json", Prefer: "wait=20" };
    for (let attempt = 0; ; attempt++) {
      try {
        // The nonce makes a repeat harmless: it is the same command.
        return await fetch(here + "/open", { method: "POST", headers, body: JSON.stringify(body) });
      } catch (error) {
        if (attempt === RETRY_MS.length) throw error;
        refuse(said.words.network_retry);
        await pause(RETRY_MS[attempt]);
      }
    }
  }

  async function outcome(answer) {
    let told = await answer.json();
    while (answer.status === 202 && !told.ended_ms) {
      await pause(POLL_MS);
      told = await (await fetch(here + "/commands/" + told.id)).json();
    }
    return told;
  }

  async function open(parcel, number, again) {
    followed = parcel;
    refuse(null);
    progress(0);
    used();
    try {
      const answer = await asked({ nonce: said.nonce, number, parcel, again });
      const told = await outcome(answer);
      explain(answer.ok ? told : { says: null, problem: said.problems[told.code] });
    } catch (error) {
      refuse(said.words.network_lost, said.words.network_next);
    }
  }

  function explain(told) {
    if (told.state === "succeeded") {
      if (said.again) progress(3); // the order is over and tells of no more steps
      return;
    }
    if (!said.again && ["opening", "open", "collected"].includes(steps[followed])) return; // the door says more
    const language = document.documentElement.lang.slice(0, 2);
    const none = [said.words.no_answer, said.words.no_answer_next];
    const words = told.says ? [told.says[language], told.next_step[language]] : told.problem || none;
    refuse(words[0], words[1]);
  }

  // A picture of the cabinet is good once: neither reload nor back button offers it again.
  function used() {
    form.hidden = true;
    at("scan").hidden = false;
    at("scan").textContent = said.words.scan_again;
    history.replaceState(null, "", here);
  }

  function tapped(event) {
    const number = form.elements.number;
    event.preventDefault();
    if (form.hidden) return;
    number.setCustomValidity(/^[0-9]{2}$/.test(number.value) ? "" : said.words.two_digits);
    if (form.reportValidity()) {
      const button = event.currentTarget;
      open(button.value, Number(number.value), "again" in button.dataset);
    }
  }

  if (form) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.querySelectorAll("button").forEach((button) => button.addEventListener("click", tapped));
    form.elements.number.addEventListener("input", (event) => event.target.setCustomValidity(""));
    form.elements.number.focus();
  }
  document.querySelectorAll("time").forEach((time) => {
    const style = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, style);
  });
  if (!isOver(said)) listen();
})();
