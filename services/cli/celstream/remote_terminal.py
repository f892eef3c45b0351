"""`submit` and `watch` on a terminal: a bar per upload, and one per level of the footage that is watched."""

from celstream_protos.v1.catalog_pb2 import FootageState
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from celstream.remote_display import in_words, level_in_words, progress_in_words
from celstream.watch import is_refused, parked, share_done

BAR_WIDTH = 28
COLOUR = "dark_orange3"


class RemoteTerminal:
    """Bars while it goes on, a line for everything that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._uploads = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=BAR_WIDTH, complete_style=COLOUR, finished_style=COLOUR),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}
        self._live = Live(console=console, transient=True, refresh_per_second=8)
        self._live.start()

    def sent(self, name: str, done: int, total: int) -> None:
        """See RemoteDisplay."""
        if name not in self._bars:
            self._bars[name] = self._uploads.add_task(escape(name), total=total)
            self._live.update(self._uploads.get_renderable())
        self._uploads.update(self._bars[name], completed=done)
        self._live.update(self._uploads.get_renderable())

    def taken(self, name: str, footage_id: str, *, already_known: bool) -> None:
        """See RemoteDisplay."""
        self._drop(name)
        how = "known before" if already_known else "taken in"
        self._print(f"[green]✓[/green] {escape(name)}  [dim]{how} as {footage_id}[/dim]")

    def failed(self, name: str, message: str) -> None:
        """See RemoteDisplay."""
        self._drop(name)
        self._print(f"[red]✗[/red] {escape(message)}")

    def state(self, state: FootageState) -> None:
        """See RemoteDisplay."""
        if not state.finished:
            self._live.update(Group(Text(state.name, style="bold"), levels(state)))
            return
        self._live.update("")
        sign = "[red]✗[/red]" if is_refused(state) or parked(state) else "[green]✓[/green]"
        self._print(f"{sign} {escape(state.name)}  [dim]{escape(in_words(state))}[/dim]")

    def note(self, message: str) -> None:
        """See RemoteDisplay."""
        self._print(escape(message))

    def close(self) -> None:
        """See RemoteDisplay."""
        self._live.update("")
        self._live.stop()

    def _drop(self, name: str) -> None:
        if (bar := self._bars.pop(name, None)) is not None:
            self._uploads.remove_task(bar)
        self._live.update("")

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def levels(state: FootageState) -> Table:
    """A row for each level below the footage: its bar, what it has, and what is worked on."""
    table = Table.grid(padding=(0, 2))
    for level in state.funnel.levels[1:]:
        bar = ProgressBar(1.0, share_done(state, level), BAR_WIDTH, complete_style=COLOUR, finished_style=COLOUR)
        table.add_row(level.level, bar, Text(level_in_words(level), style="dim"))
    if state.progress:
        table.add_row("", "", Text(progress_in_words(state), style="dim"))
    return table
