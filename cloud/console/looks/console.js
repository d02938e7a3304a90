// Counts in the browser what gets older there: a page that has lost its service must not look fresh.
(() => {
  const ahead = CONSOLE.server_ms - Date.now();
  const LIVE_MS = 11000; // twice the beat of follow.py and a little
  const fill = (key, facts) => CONSOLE.words[key].replace(/{(\w+)}/g, (_, name) => facts[name]);
  const clock = (ms) => new Date(ms).toLocaleTimeString(CONSOLE.language, { hour12: false });
  const day = (ms) => new Date(ms).toLocaleDateString(CONSOLE.language, { month: "2-digit", day: "2-digit" });

  function age(ms) {
    const s = Math.max(0, Math.round((Date.now() + ahead - ms) / 1000));
    if (s < 120) return fill("seconds", { n: s });
    if (s < 7200) return fill("minutes", { n: Math.floor(s / 60) });
    return s < 172800 ? fill("hours", { n: Math.floor(s / 3600) }) : fill("days", { n: Math.floor(s / 86400) });
  }

  const says = {
    clock: clock,
    date: (ms) => `${day(ms)} ${clock(ms)}`,
    ago: (ms) => fill("ago", { age: age(ms) }),
  };

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-ms]")) {
      put(time, says[time.dataset.as](Number(time.dataset.ms)));
    }
    for (const chip of document.querySelectorAll("[data-as-of]")) {
      const ms = Number(chip.dataset.asOf);
      const isLive = Date.now() + ahead - ms < LIVE_MS;
      put(chip, isLive ? fill("as_of", { clock: clock(ms) }) : fill("no_news", { age: age(ms) }));
      document.documentElement.toggleAttribute("data-old", !isLive);
    }
    for (const link of document.querySelectorAll("a[data-language]")) {
      const query = new URLSearchParams(location.search);
      query.set("lang", new URLSearchParams(link.getAttribute("href")).get("lang"));
      link.setAttribute("href", `?${query}`);
    }
  }

  addEventListener("DOMContentLoaded", () => {
    tick();
    setInterval(tick, 500);
    new MutationObserver(tick).observe(document.body, { childList: true, subtree: true });
  });
})();
