"""Display on a terminal: one bar per footage in work, one for all, with rate and time left."""

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from celstream.display import Finished, Summary, Working
from celstream.lines import closing_lines
from celstream.pace import Pace
from celstream.report.words import clock, count

NAME_WIDTH = 34


class _Counts(ProgressColumn):
    """`1,204 / 8,400 frames`."""

    def render(self, task: Task) -> Text:
        of = f" / {int(task.total):,}" if task.total else ""
        return Text(f"{int(task.completed):,}{of} {task.fields['unit']}", style="dim")


class TerminalDisplay:
    """Bars while it works, a line for everything that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=True),
            BarColumn(bar_width=28, complete_style="dark_orange3", finished_style="dark_orange3"),
            _Counts(),
            TextColumn("{task.fields[pace]}", style="dim"),
            console=console,
            transient=True,
            auto_refresh=False,
        )
        self._all = self._progress.add_task("all footage", total=None, unit="frames", pace="", visible=False)
        self._progress.start()

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """See Display."""
        self._pace.add(footage_id, name, frames)

    def already_done(self, footage_id: str, name: str) -> None:
        """See Display."""
        self._print(f"[dim]✓ {escape(name)}  done before[/dim]")

    def failed(self, name: str, message: str) -> None:
        """See Display."""
        self._print(f"[red]✗[/red] {escape(message)}")

    def working(self, progress: Working) -> None:
        """See Display."""
        self._pace.move(progress.footage_id, progress.stage, progress.done, progress.total, progress.unit)

    def finished(self, result: Finished) -> None:
        """See Display."""
        self._pace.finish(result.footage_id)
        if bar := self._bars.pop(result.footage_id, None):
            self._progress.remove_task(bar)
        if not result.error:
            counts = f"{count(result.clips, 'clip')}, {count(result.rejections, 'rejection')}"
            self._print(f"[green]✓[/green] {escape(result.name)}  [dim]{counts}[/dim]")

    def note(self, message: str) -> None:
        """See Display."""
        self._print(escape(message))

    def tick(self) -> None:
        """See Display."""
        for footage_id, entry in self._pace.footage.items():
            if not entry.stage or entry.over:
                continue
            if footage_id not in self._bars:
                name = entry.name if len(entry.name) <= NAME_WIDTH else f"…{entry.name[-NAME_WIDTH + 1 :]}"
                description = f"{escape(name)} [dim]{escape(entry.stage)}[/dim]"
                self._bars[footage_id] = self._progress.add_task(description, total=None, unit=entry.unit, pace="")
            self._progress.update(self._bars[footage_id], completed=entry.done, total=entry.frames or None)
        rate = self._pace.rate()
        left = self._pace.seconds_left(rate)
        pace = f"{rate:,.0f} frames/s" + (f", {clock(left)} left" if left is not None else "")
        several = f"all {self._pace.over} of {len(self._pace.footage)}"
        self._progress.update(
            self._all,
            description=several,
            completed=self._pace.done,
            total=self._pace.total or None,
            pace=pace,
            visible=bool(self._pace.footage),
        )
        self._progress.refresh()

    def close(self, summary: Summary | None) -> None:
        """See Display."""
        self._progress.stop()
        if summary:
            first, *rest = closing_lines(summary)
            self._console.print(f"[bold]{escape(first)}[/bold]", highlight=False)
            for line in rest:
                self._console.print(escape(line), highlight=False, soft_wrap=True)

    def _print(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, soft_wrap=True)
