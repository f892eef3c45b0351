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
