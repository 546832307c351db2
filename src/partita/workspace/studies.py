"""Studies as a workspace gives them: to clients, as plain data."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from partita.protocol.studies import StudyView, TuneRequest

if TYPE_CHECKING:
    from partita.tune.journal import FolderJournals
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalStudies", "ShowStudy", "Studies"]

#: Is told how a study stands, now and then; False: leave it.
ShowStudy = Callable[[StudyView], bool | None]


class Studies(Protocol):
    """The part of a workspace that is about studies."""

    def tune(self, request: TuneRequest, show: ShowStudy) -> StudyView:
        """Make a study, or go on with one, until it ends or `show` says False; how it stands then, with its trials."""
        ...

    def study_file(self, file: Path) -> TuneRequest:
        """What a YAML file asks for."""
        ...

    def studies(self) -> list[StudyView]:
        """All studies, the oldest first, without their trials."""
        ...

    def study(self, name: str, *, importance: bool = False) -> StudyView:
        """A study with its trials; with `importance`, how much each parameter matters."""
        ...

    def remove_study(self, name: str) -> None:
        """Forget a study; its runs stay."""
        ...


class LocalStudies:
    """The studies of a `LocalWorkspace`."""

    @property
    def _workspace(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    @property
    def _journals(self) -> FolderJournals:
        from partita.tune.journal import FolderJournals

        return FolderJournals(self._workspace.state / "studies")

    def tune(self, request: TuneRequest, show: ShowStudy) -> StudyView:
        from partita.tune.opening import search
        from partita.workspace.runs import encoder_of
        from partita.workspace.study_requests import asked
        from partita.workspace.trials import LocalTrials

        workspace = self._workspace
        trials = LocalTrials(workspace, encoder_of(workspace), opens_all=False, user=request.get("user", ""))
        try:
            made = asked(workspace, trials, request)
            return self.study(search(trials, made, request.get("study", ""), show))
        finally:
            trials.close()

    def study_file(self, file: Path) -> TuneRequest:
        from partita.tune.files import read_study

        return read_study(file)

    def studies(self) -> list[StudyView]:
        from partita.tune.opening import read_record

        journals = self._journals
        now = time.time()
        return [
            read_record(journals, name).view(now, is_held=journals.is_held(name))
            for name in journals.names()
            if journals.lines(name)
        ]

    def study(self, name: str, *, importance: bool = False) -> StudyView:
        from partita.tune.opening import read_record

        record = read_record(self._journals, name)
        view = record.view(time.time(), is_held=self._journals.is_held(name), with_trials=True)
        if importance:
            from partita.tune.importance import importance_of

            view["importance"] = importance_of(record)
        return view

    def remove_study(self, name: str) -> None:
        self._journals.remove(name)
