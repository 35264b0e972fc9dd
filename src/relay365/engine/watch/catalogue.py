"""The closed list of metrics: what is on /metrics, and nothing else; docs/metrics.md is made from it.

Names and units as Prometheus asks (https://prometheus.io/docs/practices/naming/). No label holds an address of mail, a
queue id or anything else that grows with the mail.
"""

from __future__ import annotations

from typing import NamedTuple


class MetricFamily(NamedTuple):
    """One family. kind: counter, gauge or histogram; labels in their order; a counter's name without _total."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def shown(self) -> str:
        """The name as it stands in a query."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_QUEUE = ("lane", "state", "priority")
_BUDGET = ("lane", "budget")

METRICS = (
    MetricFamily("relay365_build_info", "gauge", ("version", "python"), "1, with the version that runs."),
    MetricFamily("relay365_ready", "gauge", (), "1 while /readyz says 200."),
    MetricFamily("relay365_frozen", "gauge", (), "1 while `relay365 queue freeze` holds all mail back."),
    MetricFamily("relay365_draining", "gauge", (), "1 while `relay365 drain` lets no mail in."),
    MetricFamily(
        "relay365_messages_accepted", "counter", ("lane", "priority"), "Messages that were answered 250."
    ),
    MetricFamily("relay365_recipients_accepted", "counter", ("lane", "priority"), "Their recipients."),
    MetricFamily(
        "relay365_accepted_bytes", "counter", ("lane", "priority"), "Their size, as stored, in octets."
    ),
    MetricFamily(
        "relay365_refusals", "counter", ("rule", "reply"),
        "MAIL and RCPT that a rule refused, by its mark (`relay365 explain R3`) and code; rule none: no rule fits.",
    ),
    MetricFamily(
        "relay365_outcomes", "counter", ("lane", "outcome", "class", "row"),
        "Recipients of attempts: delivered, deferred, failed or uncertain; class and row as in outcomes.md.",
    ),
    MetricFamily(
        "relay365_events", "counter", ("event",),
        "Events of the journal (events.md), as far as `[log] level` lets them be written.",
    ),
    MetricFamily("relay365_commit_seconds", "histogram", (), "From the final dot to the durable message."),
    MetricFamily("relay365_attempt_seconds", "histogram", ("lane",), "One attempt, with its connection."),
    MetricFamily("relay365_queue_recipients", "gauge", _QUEUE, "Recipients that wait (queued) or are held."),
    MetricFamily("relay365_queue_oldest_seconds", "gauge", _QUEUE, "Age of the oldest message among them."),
    MetricFamily(
        "relay365_queue_sample_age_seconds", "gauge", (),
        "How old the two above are: a long queue is counted less often.",
    ),
    MetricFamily("relay365_sessions", "gauge", (), "Sessions of devices that are open."),
    MetricFamily("relay365_sessions_limit", "gauge", (), "`[server] max_sessions`."),
    MetricFamily("relay365_lane_attempts", "gauge", ("lane",), "Attempts that are under way."),
    MetricFamily(
        "relay365_lane_attempts_limit", "gauge", ("lane",), "How many may be; 1 after an outage, and it grows."
    ),
    MetricFamily("relay365_lane_held", "gauge", ("lane", "row"), "1 while a lane waits for a person."),
    MetricFamily(
        "relay365_lane_unwell_seconds", "gauge", ("lane",), "Since when the remote says no; 0: it is well."
    ),
    MetricFamily("relay365_lane_closed_seconds", "gauge", ("lane",), "How long its gate stays closed."),
    MetricFamily(
        "relay365_lane_last_delivery_timestamp_seconds", "gauge", ("lane",),
        "When the remote last took something, in this life of the process.",
    ),
    MetricFamily("relay365_budget_used", "gauge", _BUDGET, "What is used of a limit, by us (quota.md)."),
    MetricFamily("relay365_budget_limit", "gauge", _BUDGET, "The limit."),
    MetricFamily("relay365_budget_foreign", "gauge", _BUDGET, "What others use of it, as far as noticed."),
    MetricFamily("relay365_disk_free_bytes", "gauge", (), "Free space where the queue is."),
    MetricFamily("relay365_disk_floor_bytes", "gauge", (), "`[queue] disk_floor`: below it devices hear 452."),
    MetricFamily("relay365_disk_free_inodes", "gauge", (), "Files that can still be made there."),
    MetricFamily(
        "relay365_expiry_timestamp_seconds", "gauge", ("of", "what"),
        "When a certificate, a client secret or a sign-in ends; of: the route or listener.",
    ),
    MetricFamily(
        "relay365_device_last_message_timestamp_seconds", "gauge", ("device",),
        "When a `[[device]]` last gave a message.",
    ),
    MetricFamily("relay365_alerts", "gauge", ("severity",), "Alerts that are open (alerts.md)."),
    MetricFamily(
        "relay365_synthetic_seconds", "gauge", (),
        "How long the last synthetic mail took from its acceptance to the remote's 250 (`[alerts] probe_to`).",
    ),
    MetricFamily("relay365_synthetic_timestamp_seconds", "gauge", (), "When it was taken."),
    MetricFamily(
        "relay365_synthetic_served_timestamp_seconds", "gauge", (),
        "When a synthetic mail was last seen at its end, where a route may ask for it (trace.md).",
    ),
    MetricFamily("process_virtual_memory_bytes", "gauge", (), "Of the process (Linux only), as the next ones."),
    MetricFamily("process_resident_memory_bytes", "gauge", (), "Memory that it really has."),
    MetricFamily("process_start_time_seconds", "gauge", (), "When it began."),
    MetricFamily("process_cpu_seconds", "counter", (), "CPU time that it has used."),
    MetricFamily("process_open_fds", "gauge", (), "Files and connections that are open."),
    MetricFamily("process_max_fds", "gauge", (), "How many may be."),
)  # fmt: skip
