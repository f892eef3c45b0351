const player = document.getElementById("player");
if (player) {
  const video = player.querySelector("video");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.play");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    player.querySelector("b").textContent = link.dataset.title;
    player.querySelector("p a").href = video.src = link.href;
    player.showModal();
    video.play().catch(() => {});
  });
  player.addEventListener("click", (event) => { if (event.target === player) player.close(); });
  player.addEventListener("close", () => { video.pause(); video.removeAttribute("src"); video.load(); });
}
const filter = document.querySelector("input.filter");
if (filter) filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase();
  for (const row of document.querySelectorAll(".films > li")) row.hidden = !row.dataset.name.includes(words);
});
const cuts = JSON.parse(document.getElementById("cuts")?.textContent ?? "null");
if (cuts) {
  const box = document.querySelector(".slider"), range = box.querySelector("input");
  const [words, places] = [box.querySelector("output"), box.querySelector(".at")];
  const most = Math.max(cuts.threshold * 1.2, ...cuts.cuts.map((c) => c[2]), ...cuts.others.map((c) => c[2]));
  const least = cuts.threshold / 10, span = Math.sqrt(most) - Math.sqrt(least);
  const at = (value) => (Math.sqrt(least) + span * value / 1000) ** 2; // square roots, as the curves have them
  const clock = (ms) => {
    const tenths = Math.round(ms / 100), seconds = Math.floor(tenths / 10), pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}.${tenths % 10}`;
  };
  const show = () => {
    const home = Number(range.value) === start, threshold = home ? cuts.threshold : at(range.value);
    const gained = cuts.others.filter((c) => c[2] >= threshold), lost = cuts.cuts.filter((c) => c[2] < threshold);
    const changed = gained.length ? gained : lost, sum = cuts.fixed + cuts.cuts.length + gained.length - lost.length;
    const how = gained.length ? `${gained.length} more` : lost.length ? `${lost.length} fewer` : "as it is";
    words.textContent = `${(threshold / 1e4).toPrecision(2)}: ${sum} ${sum === 1 ? "cut" : "cuts"}, ${how}`;
    places.replaceChildren(...changed.slice(0, 40).map((c) => {
      const span = document.createElement("span");
      span.textContent = clock(c[1]);
      return span;
    }));
    if (changed.length > 40) places.append(`and ${changed.length - 40} more`);
    for (const line of document.querySelectorAll(".curve .threshold"))
      line.setAttribute("d", `M0 ${Math.max(0, 100 - 100 * Math.sqrt(threshold / 1e4) / line.dataset.top).toFixed(1)}H1000`);
  };
  const start = Math.round(1000 * (Math.sqrt(cuts.threshold) - Math.sqrt(least)) / span);
  range.value = start;
  range.addEventListener("input", show);
  box.hidden = false;
  show();
}
