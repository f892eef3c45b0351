"""What `--help` shows below the options of the commands: examples, and what the exit code says."""

RUN = """
Examples:

  celstream run film.mp4 --out dataset

  celstream run films/ more/trailer.webm --out dataset --jobs 4

  celstream run films/ --out dataset --style japanese --license CC-BY-4.0

  celstream run films/ --out dataset --json | jq .

Exit codes: 0 all is well; 2 some footage or an option could not be used; 130 interrupted; 1 a fault of the program.
"""

DEMO = """
Examples:

  celstream demo --out out

  celstream demo --out out --json | jq .

Exit codes: as of `celstream run`.
"""

SHOTS = """
Examples:

  celstream shots film.mp4

  celstream shots film.mp4 --measure

  celstream shots film.mp4 --json | jq -r .start_frame

Exit codes: 0 all is well; 2 the film or an option could not be used; 130 interrupted; 1 a fault of the program.
"""

REPORT = """
Examples:

  celstream report dataset

  celstream report dataset | xargs xdg-open

Exit codes: 0 it is written; 2 there is no dataset, or a run works in it; 1 a fault of the program.
"""

SUBMIT = """
Examples:

  celstream submit film.mp4 --to localhost:50051

  celstream submit films/ --to catalog.example.org:50051 --ca-file ca.pem --token-file token --watch

  celstream submit film.mp4 --to localhost:50051 --ca-file ca.crt --server-name celstream-catalog

  celstream submit film.mp4 --to localhost:50051 --license CC-BY-4.0 --json | jq -r .footage_id

Exit codes: 0 all is well; 2 some footage was refused, or the catalog is away; 130 interrupted; 1 a fault of the \
program.
"""

WATCH = """
Examples:

  celstream watch --at localhost:50051

  celstream watch 3f9a2c --at localhost:50051

  celstream watch 3f9a2c --at localhost:50051 --json | jq .finished

Exit codes: 0 finished; 2 the footage was refused or is unknown, or the catalog is away; 130 interrupted; 1 it met a \
fault of the program.
"""

TAKE_DOWN = """
Examples:

  celstream take-down film.mp4 --at dataset --reason "the owner asked for it"

  celstream take-down 3f9a2c --at dataset --reason "claim 7" --dry-run

  celstream take-down 3f9a2c --at catalog.example.org:50051 --reason "claim 7" --ca-file ca.pem --token-file token

The digits of a clip are those before `.mp4` in its file's name. In a folder the bytes go at once; in a store that \
services work with they go with `celstream store gc`. The same bytes are refused from then on.

Exit codes: 0 it is taken down, or was before; 2 it is not: it was not found, you said no, or the catalog is away; \
130 interrupted; 1 a fault of the program.
"""

CANARY = """
Examples:

  celstream canary --out dataset

  celstream canary --to localhost:50051

  celstream canary --to localhost:50051 --name celstream-canary-29400480 --json | jq .scores

  celstream canary --out dataset --strict || echo "worse than it was"

The film follows from its name and length: the same two give it again. What is found is kept as an event on \
celstream.evaluations, and the catalog exports it as metrics; the film and its clips are no part of any dataset, and \
go a week after their score: in a folder when the next canary is tried there, elsewhere as the catalog is set.

Exit codes: 0 it was evaluated; 2 it could not be; 3 with --strict: a score is below its least; 130 interrupted; 1 a \
fault of the program.
"""

MODELS = """
Examples:

  celstream models triton://localhost:8001

  celstream models onnx:///srv/celstream/models

  celstream models triton://localhost:8001 --json | jq -r .sha256

A server says that a model is ready also when the process that ran it has died; an answer is proof.

Exit codes: 0 all answer; 2 some do not, or there is none, or the server is away; 1 a fault of the program.
"""

DLQ_LIST = """
Examples:

  celstream dlq list --at dataset

  celstream dlq list --at kafka://localhost:9092 --stage segmenter --since 2h

  celstream dlq list --at kafka://localhost:9092 --error "out of memory" --json | jq -r .id
"""

DLQ_SHOW = """
Examples:

  celstream dlq show 3f9a2c --at dataset
"""

DLQ_REPLAY = """
Examples:

  celstream dlq replay 3f9a2c --at dataset

  celstream dlq replay --at kafka://localhost:9092 --stage segmenter --since 2h --dry-run

One that was killed is gone on with by the same command.
"""

DLQ_DISCARD = """
Examples:

  celstream dlq discard 3f9a2c --at dataset

  celstream dlq discard --at kafka://localhost:9092 --until 2026-11-01 --dry-run
"""

STORE_GC = """
Examples:

  celstream store gc dataset --dry-run

  celstream store gc --events kafka://localhost:9092 --artefacts 's3://celstream/artefacts?endpoint=http://localhost:9000'

It may be interrupted at any time; the same command goes on. Keys of the store: AWS_ACCESS_KEY_ID and \
AWS_SECRET_ACCESS_KEY.
"""
