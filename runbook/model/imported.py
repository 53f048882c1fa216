"""A written procedure turned into the draft of a runbook: what is a step, of which kind, and how sure. Pure.

Nothing that cannot be judged becomes a command: a placeholder, a program that wants a terminal, one of
several ways or what is done only sometimes is a `manual` step, and every doubt is a note beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runbook.model.commands import Command, Reading, read as read_script
from runbook.model.document import Effect
from runbook.model.effects import effect_of, most, verbs, words_of
from runbook.model.markdown import Block

_SHELLS = ("bash", "sh", "shell", "zsh", "console", "shell-session", "shellsession", "terminal")
_PROMPT = re.compile(r"^(?:\$|❯|[\w.@:~-]+[$#])\s+")
_PROGRAM = re.compile(r"^[A-Za-z_./~$\"][\w./+~${}\"-]*$")
_KNOWN = re.compile(
    r"^(?:sudo\s+)?(?:kubectl|helm|argo|oc|kubeseal|kustomize|curl|wget|git|docker|make|aws|gcloud|mc|"
    r"terraform|ansible|systemctl|ssh|python3?|pip|\./|export\s)"
)
_PLACEHOLDER = re.compile(
    r"<[A-Za-z][\w ./-]*>|(?<!\$)(?<!\{)\{[a-z][a-z_]*\}|\bYOUR[-_A-Z]+|\byour-[\w-]+|"
    r"(?<!\.)\.\.\.(?!\.)|…|\bX{3,}\b"
)
_ALTERNATIVE = re.compile(
    r"^\W*(?:or|alternatively|alternative|option(?:al|ally)?|method|either|instead|example|for example|"
    r"e\.g)\b",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\b(?:output|expect\w*|should|you (?:will )?see|result)\b", re.IGNORECASE)
_CODE = re.compile(r"`([^`]+)`")
_NUMBER = r"(?:step|phase|part)\s+\d+\W+"
_SOMETIMES = re.compile(
    r"\b(?:if|only when|in case|when needed|as needed|unless|optionally)\b", re.IGNORECASE
)
_DURATION = re.compile(
    r"[(\[~]?\s*~?\s*(?:(\d+)\s*(?:-|–|to)\s*)?(\d+(?:\.\d+)?)\s*"
    r"(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd])\b\s*[)\]]",
    re.IGNORECASE,
)
_TTY = re.compile(r"^-[a-z]*(?:it|ti)[a-z]*$")
_SCREENS = words_of("vi vim nano emacs less more top htop k9s watch tmux screen su read")
_UNSPLIT = frozenset(
    {"cd", "set", "source", ".", "export", "alias", "trap", "pushd", "eval", "shopt"}
)
_SENTENCE = re.compile(r"(?<=[.:!?])\s")
LONGEST_TITLE = 90


@dataclass
class DraftStep:
    """A step with what is doubtful about it. `kind` is run, manual, wait or approve."""

    kind: str
    title: str
    text: str
    line: int
    effect: Effect | None = None
    doc: str = ""
    prose: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class DraftPhase:
    title: str
    budget: str = ""
    steps: list[DraftStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Draft:
    title: str
    phases: list[DraftPhase]


def draft(blocks: Sequence[Block]) -> Draft:
    """What a page comes to; without phases when there is nothing in it to do."""
    maker = _Maker()
    for block in blocks:
        maker.take(block)
    phases = [phase for phase in maker.phases if phase.steps]
    _add_gate(phases)
    return Draft(maker.title, phases)


class _Maker:
    def __init__(self) -> None:
        self.title = ""
        self.phases = [DraftPhase("Steps")]
        self._prose: Block | None = None
        self._set: dict[str, int] = {}
        """Variables that earlier blocks set, with their lines."""
        self._after_command = False
        self._under = ""
        """The heading that the next block stands under; the page's own title says nothing of its steps."""

    def take(self, block: Block) -> None:
        match block.kind:
            case "heading":
                self._heading(block)
            case "prose":
                self._prose = block
                self._after_command = self._after_command and bool(_ANSWER.search(block.text))
            case "bullet":
                self._bullet(block)
            case "tick":
                self._step(DraftStep("manual", _title(block.text), block.text, block.line))
            case "numbered":
                self._prose = block
                step = DraftStep(
                    "manual", _title(block.text), block.text, block.line, doc=block.link
                )
                step.notes.append("a numbered item without a command of its own")
                self._step(step)
                self._prose = block
            case "code":
                self._code(block)

    def _bullet(self, block: Block) -> None:
        if any(map(_KNOWN.match, _CODE.findall(block.text))):
            step = DraftStep("manual", _title(block.text), block.text, block.line, doc=block.link)
            step.notes.append("a command within a line: make a `run` step of it")
            self._step(step)
        else:
            self._prose, self._after_command = block, False

    def _heading(self, block: Block) -> None:
        if not self.title and block.level == 1:
            self.title = _cleaned(block.text)
        self._under = _cleaned(block.text) if block.level > 1 else ""
        budget, note = _budget(block.text)
        phase = DraftPhase(_cleaned(block.text), budget)
        before = self.phases[-1]
        if before.budget and not before.steps:
            phase.notes.append(f"{before.title!r} was given {before.budget}, perhaps for this too")
        if note:
            phase.notes.append(note)
        self.phases.append(phase)
        self._prose, self._after_command = None, False

    def _step(self, step: DraftStep) -> None:
        self.phases[-1].steps.append(step)
        self._prose, self._after_command = None, False

    def _code(self, block: Block) -> None:
        text = block.text.strip("\n")
        if not text.strip():
            return
        script, output = _script(text)
        about = self._about()
        if block.language in _SHELLS or (not block.language and _looks_like_commands(script)):
            steps = list(_steps_of(script, block.line, about, self._under))
            if about is not None and about.kind == "numbered" and self.phases[-1].steps:
                self.phases[-1].steps.pop()  # its commands say it
            for step in steps:
                self._used(step, block.line)
                if output:
                    step.notes.append("left out what it answers: " + " / ".join(output[:3]))
                self._step(step)
            self._after_command = True
            return
        if self._after_command and block.language in ("", "text", "txt", "output", "log", "json"):
            step = DraftStep("manual", "Compare what the command says", text, block.line)
            step.notes.append("this looks like what the command before it answers")
        else:
            what = (
                f"a block of {block.language}" if block.language else "a block without a language"
            )
            step = DraftStep("manual", _title(about.text) if about else "", text, block.line)
            step.notes.append(f"{what}: nobody says what is to be done with it")
            step.text = f"{about.text}\n\n{text}" if about else text
            step.title = step.title or f"See to {what}"
        self._step(step)

    def _about(self) -> Block | None:
        return self._prose

    def _used(self, step: DraftStep, line: int) -> None:
        """A step's variables end with it: what another one sets has to be given."""
        if step.kind != "run":
            return
        reading = read_script(step.text)
        own = {name for name, _ in reading.exported}
        used = {name for command in reading.commands for w in command.words for name in w.variables}
        for name in sorted(used - own):
            if name in self._set:
                step.notes.append(f"${name} is set on line {self._set[name]}, in a step of its own")
        self._set.update(dict.fromkeys(own, line))


def _script(text: str) -> tuple[str, list[str]]:
    """The commands of a console's record, and what was answered; all of a text without prompts."""
    lines = text.split("\n")
    if not any(_PROMPT.match(line) for line in lines):
        return text, []
    commands: list[str] = []
    output: list[str] = []
    goes_on = False
    for line in lines:
        if _PROMPT.match(line) or goes_on:
            bare = line.removeprefix("> ") if goes_on else _PROMPT.sub("", line)
            commands.append(bare)
            goes_on = bare.endswith("\\")
        elif line.strip():
            output.append(line.strip())
    return "\n".join(commands), output


def _looks_like_commands(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    return bool(lines) and bool(_KNOWN.match(lines[0]))


def _steps_of(script: str, line: int, about: Block | None, under: str) -> Iterator[DraftStep]:
    pieces = _pieces(script)
    said = [under, about.text if about else ""]
    if any("ways" in reason for reason in _unclear(script, said)):
        pieces = [("", script)]
    for number, (comment, piece) in enumerate(pieces):
        first = about if number == 0 else None
        title = _title(comment) or (_title(first.text) if first else "") or _command_title(piece)
        step = DraftStep("run", title, piece.strip("\n"), line)
        if first:
            step.doc = first.link
            step.prose = first.text if first.text != step.title else ""
        if own := _unclear(piece, [*said, comment]):
            step.kind, step.notes = "manual", own
            if first:
                step.text = f"{first.text}\n\n{step.text}"
        else:
            _judge(step)
        yield step


def _judge(step: DraftStep) -> None:
    reading = read_script(step.text)
    commands = reading.commands
    if len(commands) == 1 and commands[0].program == "sleep" and len(commands[0].words) == 2:
        seconds = commands[0].words[1].text
        if (
            re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]+)?[smhd]?", seconds)
            and float(seconds.rstrip("smhd")) < 366
        ):
            step.kind, step.text = "wait", seconds if seconds[-1] in "smhd" else f"{seconds}s"
            step.notes.append("a check that polls is better than a pause")
            return
    guess = most([effect_of(command) for command in commands])
    step.effect = guess.effect
    if not guess.sure:
        unknown = sorted({c.program for c in commands if not effect_of(c).sure})
        step.notes.append(f"what {', '.join(unknown) or 'this'} does is not known: see to `effect`")
    if re.search(r"\|\|\s*(?:true|:)(?:\s|$)", step.text):
        step.notes.append("`|| true` hides a failure; with a check after it nothing needs hiding")


def _pieces(script: str) -> list[tuple[str, str]]:
    """(comment, commands): parts of a block that stand alone, or all of it when they might not."""
    parts: list[tuple[str, str]] = []
    comment: list[str] = []
    lines: list[str] = []

    def close() -> None:
        if any(line.strip() for line in lines):
            parts.append((" ".join(comment), "\n".join(lines)))
            comment.clear()
        lines.clear()

    for line in script.split("\n"):
        if line.startswith("#"):
            if any(one.strip() for one in lines):
                close()
            if not line.startswith("#!"):
                comment.append(line.lstrip("#").strip())
        elif not line.strip():
            close()
        else:
            lines.append(line)
    close()
    readings = [read_script(piece) for _, piece in parts]
    if len(parts) > 1 and not all(map(_alone, readings)):
        return [(parts[0][0], script)]
    return parts or [("", script)]


def _alone(reading: Reading) -> bool:
    """Whether a part of a script means the same without the rest."""
    unsplit = any(command.program in _UNSPLIT for command in reading.commands)
    return reading.whole and not reading.exported and not unsplit and bool(reading.commands)


def _unclear(script: str, about: Sequence[str]) -> list[str]:
    """Why a person has to do it; empty when a program can. `about` is what is said of it."""
    found: list[str] = []
    commands = "\n".join(line for line in script.split("\n") if not line.lstrip().startswith("#"))
    comments = [line.strip(" #") for line in script.split("\n") if line.lstrip().startswith("#")]
    holes = dict.fromkeys(hole.strip() for hole in _PLACEHOLDER.findall(commands))
    if holes:
        found.append(f"{', '.join(list(holes)[:3])} is to be filled in: make an input of it")
    said = [*about, *comments]
    if any(_ALTERNATIVE.match(one) for one in said if one):
        found.append("an example, or one of several ways: choose")
    if any(_SOMETIMES.search(one) for one in said if one):
        found.append("done only sometimes: say when, or leave it to a person")
    reading = read_script(commands)
    if not holes and (not reading.whole or not (reading.commands or reading.exported)):
        found.append("bash cannot read it as commands")
    for command in reading.commands:
        if not _PROGRAM.match(command.words[0].text):
            found.append(f"{command.words[0].text[:20]!r} is no program")
            break
    if any(map(_interactive, reading.commands)):
        found.append("it wants a terminal, or does not end by itself")
    return found


def _interactive(command: Command) -> bool:
    program, words = command.program, command.arguments
    if program in _SCREENS or (program == "tail" and any(w.startswith("-f") for w in words)):
        return True
    if program in ("kubectl", "oc", "docker", "podman"):
        verb = next(iter(verbs(list(words))), "")
        follows = {"-f", "--follow"} & set(words) and verb == "logs"
        watches = {"-w", "--watch", "--watch=true"} & set(words)
        stays = verb in ("edit", "attach", "port-forward", "proxy", "debug")
        asks = any(_TTY.match(w) or w in ("-i", "-t", "--tty", "--stdin") for w in words)
        return bool(follows or watches or stays or (asks and verb in ("exec", "run")))
    if program == "ssh":
        return sum(not word.startswith("-") for word in words) < 2
    if program in ("psql", "mysql", "redis-cli", "mongosh"):
        return not command.fed_by and not {"-c", "-e", "-f", "--eval"} & set(words)
    return (
        program in ("bash", "sh", "python", "python3", "node") and not words and not command.fed_by
    )


def _command_title(piece: str) -> str:
    for line in piece.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            return _title(line)
    return ""


def _title(text: str) -> str:
    words = " ".join(text.replace("`", "").split())
    bare = re.sub(rf"^{_NUMBER}", "", words, flags=re.IGNORECASE)
    return _short(_SENTENCE.split(bare, maxsplit=1)[0].rstrip(".:"))


def _short(first: str) -> str:
    return first if len(first) <= LONGEST_TITLE else first[: LONGEST_TITLE - 1].rstrip() + "…"


def _cleaned(heading: str) -> str:
    """A heading without its number, its marks and its duration."""
    text = _DURATION.sub("", heading.replace("`", ""))
    number = rf"^(?:[^\w(]+|{_NUMBER}|\d+(?:\.\d+)*[.):]\s*)+"
    text = re.sub(number, "", text, flags=re.IGNORECASE)
    return _short(text.strip().rstrip(".:")) or "Steps"


def _budget(heading: str) -> tuple[str, str]:
    """The duration in a heading, with a doubt about it."""
    found = _DURATION.search(heading)
    if found is None:
        return "", ""
    unit = {"s": "s", "m": "m", "h": "h", "d": "d"}[found[3][0].lower()]
    if not 0 < float(found[2]) < 366:
        return "", ""
    note = f"the longer of {found[1]} and {found[2]} is taken" if found[1] else ""
    return f"{found[2]}{unit}", note


def _add_gate(phases: list[DraftPhase]) -> None:
    for phase in phases:
        for index, step in enumerate(phase.steps):
            if step.effect == "destroy":
                gate = DraftStep("approve", f"Go on with: {step.title}", "", step.line)
                gate.notes.append("added: from here on something is destroyed")
                phase.steps.insert(index, gate)
                return
