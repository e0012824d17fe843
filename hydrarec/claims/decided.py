"""What was found about a claim in all scopes, and the verdict that follows."""

from dataclasses import dataclass
from typing import Literal, cast

from hydrarec.claims.base import Finding
from hydrarec.claims.places import Device, Place, Scope
from hydrarec.config.hypotheses import ClaimConfig
from hydrarec.config.titles import protocol_name
from hydrarec.formatting import p_statement, several
from hydrarec.significance.conjunction import partial_conjunction

ClaimVerdict = Literal["supported", "refuted", "not decided", "not decidable"]


@dataclass(frozen=True)
class Decided:
    """What was found about a claim in all scopes."""

    config: ClaimConfig
    needed: int
    found: dict[Place, list[Finding] | str]
    """Findings, or why there are none."""
    main: list[Place]
    """Scopes that count: under the first protocol, or devices."""

    @property
    def p(self) -> float | None:
        """P-value of "it holds in fewer scopes than needed"; None where intervals decide or too little is known.

        A scope without findings counts as one in which nothing speaks for the claim.
        """
        known = [self.p_at(scope) for scope in self.main if isinstance(self.found[scope], list)]
        if len(known) < self.needed or any(p is None for p in known):
            return None
        every = [cast(float, p) for p in known] + [1.0] * (len(self.main) - len(known))
        return float(partial_conjunction(every)[self.needed - 1])

    def p_at(self, scope: Place) -> float | None:
        """Return the largest p-value of its findings in a scope; None where an interval decides, or nothing was found.

        The claim is about all of its comparators and metrics, so that the largest needs no correction.
        """
        findings = self.found.get(scope)
        values = [finding.p for finding in findings] if isinstance(findings, list) else []
        return None if None in values or not values else max(cast(list[float], values))

    @property
    def n_holding(self) -> int:
        """Number of main scopes in which all findings hold."""
        return sum(all(finding.holds for finding in findings) for findings in self._main_findings)

    @property
    def n_refuting(self) -> int:
        """Number of main scopes in which one comparator speaks against the claim; of the one with the most."""
        comparators = {finding.against for findings in self._main_findings for finding in findings}
        return max(
            (
                sum(any(one.refutes and one.against == against for one in findings) for findings in self._main_findings)
                for against in comparators
            ),
            default=0,
        )

    @property
    def n_decidable(self) -> int:
        """Number of main scopes in which something was found."""
        return sum(isinstance(self.found[scope], list) for scope in self.main)

    @property
    def reversals(self) -> list[Place]:
        """Scopes under any protocol where the data speak against the claim."""
        return [p for p, f in self.found.items() if isinstance(f, list) and any(finding.refutes for finding in f)]

    @property
    def sign_losses(self) -> list[Place]:
        """Scopes under the other protocols where a difference that should be above 0 is below it."""
        if self.config.kind != "superior":
            return []
        return [
            p for p in self._other_scopes if any((one.estimate or 0) < 0 for one in cast(list[Finding], self.found[p]))
        ]

    @property
    def reasons(self) -> list[str]:
        """Why there are no findings, each reason with all scopes where it is the same."""
        where: dict[str, list[Place]] = {}
        for scope in self.main:
            if isinstance(why := self.found[scope], str):
                where.setdefault(why, []).append(scope)
        return [f"on {_join(scopes)}: {why}" for why, scopes in where.items()]

    @property
    def _main_findings(self) -> list[list[Finding]]:
        return [findings for scope in self.main if isinstance(findings := self.found[scope], list)]

    @property
    def _other_scopes(self) -> list[Place]:
        return [p for p, findings in self.found.items() if p not in self.main and isinstance(findings, list)]

    def verdict(self, p: float | None) -> tuple[ClaimVerdict, str]:
        """Return the verdict on the claim and the sentence that says why.

        Parameters
        ----------
        p
            `p`, adjusted where the claim belongs to a family.
        """
        if self.n_decidable < self.needed:
            if not self.main:
                return "not decidable", "Nothing was measured that it is about."
            needed = f"{self.needed} {'is' if self.needed == 1 else 'are'} needed"
            why = f": {'; '.join(self.reasons)}" if self.reasons else ""
            return "not decidable", f"Decidable in {self.n_decidable} of {len(self.main)} places, where {needed}{why}."
        speaking = self.n_refuting
        # Too few are left in which it could hold.
        if len(self.main) - speaking < self.needed:
            return "refuted", f"The data speak against it in {speaking} of {self.n_decidable} places."
        holds = p < self.config.alpha if p is not None else self.n_holding >= self.needed
        basis = self._basis(p)
        if self.reversals:
            link = "but" if holds else "and"
            return "not decided", f"{basis}, {link} the data speak against it on {_join(self.reversals)}."
        if holds and self._is_sign_lost:
            return (
                "not decided",
                f"{basis}, but under another protocol its sign is lost on {_join(self.sign_losses)}.",
            )
        skipped = f" Not decidable {'; '.join(self.reasons)}." if self.reasons else ""
        lost = f" Under another protocol its sign is lost on {_join(self.sign_losses)}." if self.sign_losses else ""
        worth = f"{self._reach}{lost}{self._remarks}" if holds else ""
        return "supported" if holds else "not decided", f"{basis}.{skipped}{worth}"

    @property
    def _reach(self) -> str:
        """What support is worth that other protocols could mostly not be asked about; empty where enough scopes were.

        As no sign is lost then in any of them, all that could be decided there agree.
        """
        first, elsewhere = self.main[0], [scope for scope in self.found if scope not in self.main]
        if isinstance(first, Device) or len(self._other_scopes) >= self.needed:
            return ""
        under = ", ".join(sorted({protocol_name(scope.protocol) for scope in elsewhere if isinstance(scope, Scope)}))
        if not elsewhere:
            why = "no other protocol was computed"
        elif not self._other_scopes:
            why = f"it could not be decided under {under}"
        else:
            agrees = "its sign is kept" if self.config.kind == "superior" else "nothing speaks against it"
            agreeing = f"{agrees} in {several(len(self._other_scopes), 'place')} (needed: {self.needed})"
            undecided = _join([scope for scope in elsewhere if scope not in self._other_scopes])
            why = f"under {under} {agreeing}, and it could not be decided on {undecided}"
        return f" This is support under {protocol_name(first.protocol)} only: {why}."

    @property
    def _remarks(self) -> str:
        """What a reader must know about the scopes in which it holds, each remark once."""
        remarked: dict[str, dict[Place, None]] = {}
        for scope in self.main:
            for finding in self.found[scope]:
                if isinstance(finding, Finding) and finding.remark:
                    remarked.setdefault(finding.remark, {})[scope] = None
        return "".join(f" But on {_join(list(where))} {remark}." for remark, where in remarked.items())

    @property
    def _is_sign_lost(self) -> bool:
        """Whether fewer scopes than needed agree in sign under the other protocols, where there are any."""
        others = len(self._other_scopes)
        return others > 0 and others - len(self.sign_losses) < min(self.needed, others)

    def _basis(self, p: float | None) -> str:
        held = f"It holds in {self.n_holding} of {self.n_decidable} decidable places (needed: {self.needed}"
        if p is None:
            return f"{held})"
        confirmatory = self.config.family == "confirmatory"
        adjusted = " by Holm's correction over the confirmatory claims" if confirmatory else ", not adjusted"
        return f"{held}; {p_statement(p)}{adjusted})"


def _join(scopes: list[Place]) -> str:
    return ", ".join(scope.name for scope in scopes)
