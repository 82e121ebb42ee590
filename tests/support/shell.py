"""`harry ...` as a person types it, run in this process, in a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harry.cli import app as cli


class Shell:
    """Runs commands. `home` is `HARRY_HOME`."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._output = output
        monkeypatch.setattr("harry.cli.exit_codes.let_go_of_output", lambda: True)
        monkeypatch.setenv("HARRY_HOME", str(home))

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Return the exit code, standard output and standard error."""
        self._monkeypatch.setattr("sys.argv", ["harry", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._output.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    def well(self, *arguments: object) -> str:
        """Run what must succeed; return standard output."""
        code, out, err = self(*arguments)
        assert code == 0, (code, out, err)
        return out

    def refused(self, *arguments: object) -> str:
        """Run what must be refused in one sentence and a remedy; return the sentence."""
        code, out, err = self(*arguments)
        assert (code, out) == (2, ""), (code, out, err)
        assert err.startswith("harry: ")
        assert "Traceback" not in err
        assert len(err.splitlines()) <= 2, err
        return err
