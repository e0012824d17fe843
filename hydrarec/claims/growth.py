"""How the cost of an operator grows with a size, from the efficiency tables."""

from collections.abc import Sequence

import pandas as pd

from hydrarec.claims.base import ClaimKind, Finding, Verdict
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.places import Device
from hydrarec.config.efficiency import ALONE
from hydrarec.config.hypotheses import GrowthClaimConfig

AXES = {"length": "the length T", "width": "the width D"}
_PIECE = ["layout", "form", "work"]


class GrowthClaim(ClaimKind[Device]):
    """`kind: growth`. Holds where every fitted exponent's interval lies within the bounds.

    The tables' 90 % interval within the bounds is two one-sided tests at 5 %: nothing holds the law's offset at 0,
    which would push exponents to one side. Memory is measured once and has no interval; its exponent itself must lie
    within them. Refuted where an interval lies outside altogether. Nothing is said where a measure that the claim names
    was not fitted, or where costs do not grow between the sizes measured.
    """

    config: GrowthClaimConfig

    def scopes(self, evidence: Evidence) -> list[Device]:
        """Return the devices that were to be measured."""
        efficiency = evidence.config.efficiency
        return [Device(name) for name in (efficiency.devices if efficiency else [])]

    def findings(self, evidence: Evidence, scope: Device) -> Sequence[Finding]:
        """Return a finding for each form, layout and measure of the operator."""
        table = evidence.scaling.get(scope.name)
        if table is None:
            raise Undecidable("speed and memory were not measured")
        self._require_contrast(table)
        rows = self._rows(table, self.config.subject, self.config.measures)
        self._require_laws(table, rows)
        device = evidence.devices.get(scope.name, scope.name)
        return [self._finding(row, device) for _, row in rows.iterrows()]

    def _rows(self, table: pd.DataFrame, subject: str, measures: Sequence[str]) -> pd.DataFrame:
        wanted = self.config
        rows = table[
            (table["part"] == wanted.part)
            & (table["subject"] == subject)
            & (table["axis"] == wanted.axis)
            & table["measure"].isin(measures)
        ]
        if rows.empty:
            known = ", ".join(sorted(set(table["subject"]))) or "none"
            raise Undecidable(f"no growth of {subject} with the {wanted.axis} was fitted; there are: {known}")
        return rows

    def _require_laws(self, table: pd.DataFrame, rows: pd.DataFrame) -> None:
        # Whatever was fitted of this operator with any axis must have been fitted with this one, in every measure.
        subject, axis = self.config.subject, self.config.axis
        fitted = table[(table["part"] == self.config.part) & (table["subject"] == subject)][_PIECE]
        expected = {(*piece, measure) for piece in fitted.itertuples(index=False) for measure in self.config.measures}
        absent = sorted(expected - set(rows[[*_PIECE, "measure"]].itertuples(index=False, name=None)))
        if absent:
            listed = "; ".join(f"{measure} ({_describe_piece(*piece)})" for *piece, measure in absent)
            raise Undecidable(f"growth of {subject} with the {axis} was not fitted for {listed}")
        flat = rows[rows["factor"] == 0]
        if len(flat):
            listed = "; ".join(
                f"{row.measure} ({_describe_piece(row.layout, row.form, row.work)})" for row in flat.itertuples()
            )
            raise Undecidable(f"between the sizes measured these costs of {subject} do not grow: {listed}")

    def _require_contrast(self, table: pd.DataFrame) -> None:
        contrast, above = self.config.contrast, self.config.contrast_above
        if contrast is None:
            return
        lowest = float(self._rows(table, contrast, ["time"])["low"].min())
        if not lowest > above:
            raise Undecidable(
                f"these measurements do not show {contrast} growing faster than with exponent {above:g} (its interval "
                f"begins at {lowest:.2f}), so that they could not tell linear growth from any other"
            )

    def _finding(self, row: pd.Series, device: str) -> Finding:
        least, most = self.config.at_least, self.config.at_most
        exponent = float(row["exponent"])
        measured = bool(pd.notna(row["low"]))
        low, high = (float(row["low"]), float(row["high"])) if measured else (exponent, exponent)
        holds, outside = least < low and high < most, high < least or low > most
        verdict: Verdict = (
            "equivalent" if holds else "superior" if high < least else "inferior" if outside else "inconclusive"
        )
        interval = f"{100 * row['coverage']:g} % interval {low:.2f} to {high:.2f}" if measured else "measured once"
        layout = "" if row["layout"] == ALONE else f" in {row['layout']}"
        sentence = (
            f"On {device} the {row['measure']} of {self.config.subject}{layout} ({row['form']}, {row['work']}) "
            f"grows with {AXES[self.config.axis]} to the power {exponent:.2f} ({interval}; bounds {least:g}, {most:g})."
        )
        return Finding(
            self.config.subject, f"{row['measure']}, {row['form']}, {row['work']}{layout}", verdict, sentence, None,
            exponent, low, high, holds=holds, refutes=outside,
        )  # fmt: skip


def _describe_piece(layout: str, form: str, work: str) -> str:
    return ", ".join([*([] if layout == ALONE else [layout]), form, work])
