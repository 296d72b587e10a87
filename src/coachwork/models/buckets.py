"""When a call may start under limits of requests and tokens by the minute. Pure: `now` is given, nobody waits here.

Each limit is a bucket as large as one minute's worth that refills evenly, as the providers' own are
(https://platform.claude.com/docs/en/api/rate-limits: "the token bucket algorithm"). A bucket is kept as the
moment at which it is full again, so that taking out of it is one addition. Times are integer microseconds.
"""

from dataclasses import dataclass

MINUTE = 60_000_000


@dataclass(frozen=True)
class Rate:
    """What a model may be asked by the minute, None for no limit."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Amount:
    """What is taken out, or given back where negative numbers are taken out."""

    requests: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Buckets:
    """When each bucket is full again, in microseconds since 1970; and all that was ever given back, as refill time."""

    requests_full: int = 0
    tokens_full: int = 0
    requests_back: int = 0
    tokens_back: int = 0


@dataclass(frozen=True)
class Turn:
    """A call's place in time: from when on the buckets hold what it takes, if nobody gives anything back."""

    requests_at: int
    tokens_at: int
    requests_back: int
    tokens_back: int

    def start(self, buckets: Buckets) -> int:
        """When it may start, now that others before it may have used less, or more, than they reserved."""
        requests = self.requests_at - (buckets.requests_back - self.requests_back)
        return max(requests, self.tokens_at - (buckets.tokens_back - self.tokens_back))


def reserve(buckets: Buckets, rate: Rate, amount: Amount, now: int) -> tuple[Buckets, Turn]:
    """Take an amount out, of the future where the present is empty: who reserves first starts first.

    More than a whole bucket counts as the whole bucket, or it would wait for ever.
    """
    requests = max(buckets.requests_full, now) + _refill(amount.requests, rate.requests, at_most=MINUTE)
    tokens = max(buckets.tokens_full, now) + _refill(amount.tokens, rate.tokens, at_most=MINUTE)
    turn = Turn(requests - MINUTE, tokens - MINUTE, buckets.requests_back, buckets.tokens_back)
    return Buckets(requests, tokens, buckets.requests_back, buckets.tokens_back), turn


def give_back(buckets: Buckets, rate: Rate, amount: Amount) -> Buckets:
    """Put back what was reserved and not used; negative numbers where more was used. Full stays full."""
    requests, tokens = _refill(amount.requests, rate.requests), _refill(amount.tokens, rate.tokens)
    return Buckets(
        buckets.requests_full - requests,
        buckets.tokens_full - tokens,
        buckets.requests_back + requests,
        buckets.tokens_back + tokens,
    )


def reserved(rate: Rate, tokens: int) -> int:
    """How many tokens a reservation of so many really took."""
    return tokens if rate.tokens is None else min(tokens, rate.tokens)


def _refill(count: int, limit: int | None, at_most: int | None = None) -> int:
    """How long the bucket takes to refill by `count`."""
    if limit is None:
        return 0
    time = -(-count * MINUTE // limit)
    return time if at_most is None else min(time, at_most)
