"""What was found about a claim in all places, and the verdict that follows."""

from dataclasses import dataclass
from typing import Literal, cast

from hydrarec.claims.base import Finding, Place
from hydrarec.config.hypotheses import ClaimConfig
from hydrarec.formatting import p_statement, several
from hydrarec.significance.conjunction import partial_conjunction

ClaimVerdict = Literal["supported", "refuted", "not decided", "not decidable"]


@dataclass(frozen=True)
class Decided:
    """What was found about a claim in all places."""

    config: ClaimConfig
    needed: int
    found: dict[Place, list[Finding] | str]
    """Findings, or why there are none."""
    main: list[Place]
    """Places that count: under the first protocol, or devices."""

    @property
    def p(self) -> float | None:
        """P-value of "it holds in fewer places than needed"; None where intervals decide or too little is known.

        A place without findings counts as one in which nothing speaks for the claim.
        """
        known = [self.p_at(place) for place in self.main if isinstance(self.found[place], list)]
        if len(known) < self.needed or any(p is None for p in known):
            return None
        every = [cast(float, p) for p in known] + [1.0] * (len(self.main) - len(known))
        return float(partial_conjunction(every)[self.needed - 1])

    def p_at(self, place: Place) -> float | None:
        """Return the largest p-value of its findings in a place; None where an interval decides, or nothing was found.

        The claim is about all of its comparators and metrics, so that the largest needs no correction.
        """
        findings = self.found.get(place)
        values = [finding.p for finding in findings] if isinstance(findings, list) else []
        return None if None in values or not values else max(cast(list[float], values))

    @property
    def holding(self) -> int:
        """Main places in which all findings hold."""
        return sum(all(finding.holds for finding in findings) for findings in self._main_findings)

    @property
    def refuting(self) -> int:
        """Main places in which one and the same comparator speaks against the claim; of the one with the most."""
        comparators = {finding.against for findings in self._main_findings for finding in findings}
        return max(
            (
                sum(any(one.refutes and one.against == against for one in findings) for findings in self._main_findings)
                for against in comparators
            ),
            default=0,
        )

    @property
    def decidable(self) -> int:
        """Main places in which something was found."""
        return sum(isinstance(self.found[place], list) for place in self.main)

    @property
    def reversals(self) -> list[Place]:
        """Places under any protocol where the data speak against the claim."""
        return [p for p, f in self.found.items() if isinstance(f, list) and any(finding.refutes for finding in f)]

    @property
    def disagreeing(self) -> list[Place]:
        """Places under the other protocols where a difference that should be above 0 is below it."""
        if self.config.kind != "superior":
            return []
        return [p for p in self._others if any((one.estimate or 0) < 0 for one in cast(list[Finding], self.found[p]))]

    @property
    def reasons(self) -> list[str]:
        """Why there are no findings, each reason with all places where it is the same."""
        where: dict[str, list[Place]] = {}
        for place in self.main:
            if isinstance(why := self.found[place], str):
                where.setdefault(why, []).append(place)
        return [f"on {_listed(places)}: {why}" for why, places in where.items()]

    @property
    def _main_findings(self) -> list[list[Finding]]:
        return [findings for place in self.main if isinstance(findings := self.found[place], list)]

    @property
    def _others(self) -> list[Place]:
        return [p for p, findings in self.found.items() if p not in self.main and isinstance(findings, list)]

    def verdict(self, p: float | None) -> tuple[ClaimVerdict, str]:
        """Return the verdict on the claim and the sentence that says why.

        Parameters
        ----------
        p
            `p`, adjusted where the claim belongs to a family.
        """
        if self.decidable < self.needed:
            if not self.main:
                return "not decidable", "Nothing was measured that it is about."
            needed = f"{self.needed} {'is' if self.needed == 1 else 'are'} needed"
            why = f": {'; '.join(self.reasons)}" if self.reasons else ""
            return "not decidable", f"Decidable in {self.decidable} of {len(self.main)} places, where {needed}{why}."
        speaking = self.refuting
        # Too few are left in which it could hold.
        if len(self.main) - speaking < self.needed:
            return "refuted", f"The data speak against it in {speaking} of {self.decidable} places."
        holds = p < self.config.alpha if p is not None else self.holding >= self.needed
        basis = self._basis(p)
        if self.reversals:
            link = "but" if holds else "and"
            return "not decided", f"{basis}, {link} the data speak against it on {_listed(self.reversals)}."
        if holds and self._disagrees:
            return (
                "not decided",
                f"{basis}, but under another protocol its sign is lost on {_listed(self.disagreeing)}.",
            )
        skipped = f" Not decidable {'; '.join(self.reasons)}." if self.reasons else ""
        lost = f" Under another protocol its sign is lost on {_listed(self.disagreeing)}." if self.disagreeing else ""
        worth = f"{self._reach}{lost}{self._remarks}" if holds else ""
        return "supported" if holds else "not decided", f"{basis}.{skipped}{worth}"

    @property
    def _reach(self) -> str:
        """What support is worth that other protocols could mostly not be asked about; empty where enough places were.

        As no sign is lost then in any of them, all that could be decided there agree.
        """
        protocol, elsewhere = self.main[0].protocol, [place for place in self.found if place not in self.main]
        if protocol is None or len(self._others) >= self.needed:
            return ""
        under = ", ".join(sorted({str(place.protocol) for place in elsewhere}))
        if not elsewhere:
            why = "no other protocol was computed"
        elif not self._others:
            why = f"it could not be decided under {under}"
        else:
            agrees = "its sign is kept" if self.config.kind == "superior" else "nothing speaks against it"
            agreeing = f"{agrees} in {several(len(self._others), 'place')} (needed: {self.needed})"
            undecided = _listed([place for place in elsewhere if place not in self._others])
            why = f"under {under} {agreeing}, and it could not be decided on {undecided}"
        return f" This is support under {protocol} only: {why}."

    @property
    def _remarks(self) -> str:
        """What a reader must know about the places in which it holds, each remark once."""
        places: dict[str, dict[Place, None]] = {}
        for place in self.main:
            for finding in self.found[place]:
                if isinstance(finding, Finding) and finding.remark:
                    places.setdefault(finding.remark, {})[place] = None
        return "".join(f" But on {_listed(list(where))} {remark}." for remark, where in places.items())

    @property
    def _disagrees(self) -> bool:
        """Whether fewer places than needed agree in sign under the other protocols, where there are any."""
        others = len(self._others)
        return others > 0 and others - len(self.disagreeing) < min(self.needed, others)

    def _basis(self, p: float | None) -> str:
        held = f"It holds in {self.holding} of {self.decidable} decidable places (needed: {self.needed}"
        if p is None:
            return f"{held})"
        confirmatory = self.config.family == "confirmatory"
        adjusted = " by Holm's correction over the confirmatory claims" if confirmatory else ", not adjusted"
        return f"{held}; {p_statement(p)}{adjusted})"


def _listed(places: list[Place]) -> str:
    return ", ".join(map(str, places))
