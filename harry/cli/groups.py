"""How groups of commands behave: help that is whole, a default command, and `--set` wherever it stands.

`harry memory` alone does what is most often wanted of it; `harry --set KEY=VALUE run` and `harry run --set KEY=VALUE`
are the same.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperGroup

_SET = "--set"
_WHOLE = 1000
"""Characters of a command's help that are shown in a list: all of any sentence."""


class Group(TyperGroup):
    """A group whose list of commands shows whole sentences, and which hands `--set` on to the command."""

    default: ClassVar[str | None] = None
    """The command that is meant when none is named; None: the help is shown."""
    takes_words: ClassVar[bool] = False
    """Whether a word that is no command is meant for the default command."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands, the first sentence of each one's help uncut."""
        rows = [
            (name, command.get_short_help_str(_WHOLE)) for name, command in self.commands.items() if not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find the command among the arguments, and put what was set before it behind it."""
        before, sets, rest = self._split(args)
        helps = any(argument in ctx.help_option_names for argument in before)
        named = bool(rest) and (rest[0] in self.commands or not self.takes_words)
        if named:
            args = [*before, rest[0], *sets, *rest[1:]]
        elif self.default is not None and not helps:
            args = [self.default, *args]
        elif not args and not self.invoke_without_command:
            print(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def _split(self, args: list[str]) -> tuple[list[str], list[str], list[str]]:
        """Split arguments into the options of this group, what is set, and all from the first word on."""
        valued = {name for option in self.params for name in option.opts if not getattr(option, "is_flag", False)}
        before: list[str] = []
        sets: list[str] = []
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] != "--":
            option = args[at]
            length = 2 if option in valued or option == _SET else 1
            (sets if option.partition("=")[0] == _SET else before).extend(args[at : at + length])
            at += length
        return before, sets, args[at:]


def group(default: str | None = None, *, takes_words: bool = False) -> type[Group]:
    """Make the class of a group with a default command."""
    return type("Group", (Group,), {"default": default, "takes_words": takes_words})
