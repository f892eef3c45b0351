"""The options of all commands that speak to a catalog somewhere else: whom to trust, and who is asking."""

from pathlib import Path
from typing import Annotated

import typer

CaFile = Annotated[Path | None, typer.Option(help="CA of the catalog's certificate, PEM.", show_default="no TLS")]
CertificateFile = Annotated[Path | None, typer.Option(help="Own certificate, PEM.", show_default="none")]
KeyFile = Annotated[Path | None, typer.Option(help="Its key, PEM.", show_default="none")]
TokenFile = Annotated[Path | None, typer.Option(help="File that holds the bearer token.", show_default="none")]
ServerName = Annotated[str, typer.Option(help="A name in the catalog's certificate.", show_default="its address")]
