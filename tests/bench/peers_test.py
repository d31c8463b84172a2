"""What the figures are made of, without a lab: python3 tests/bench/peers_test.py"""

import json
import math
import os
import sys
import unittest
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))

import iperf  # noqa: E402
import judge  # noqa: E402
import places  # noqa: E402
import plan  # noqa: E402
import plot  # noqa: E402
import process  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import system_calls  # noqa: E402


def iperf_text(**end):
    return json.dumps({"end": end})


class Iperf(unittest.TestCase):
    def test_tcp_counts_what_was_received(self):
        text = iperf_text(sum_sent={"bits_per_second": 9e9}, sum_received={"bits_per_second": 8e9})
        self.assertEqual(iperf.tcp(text), 8)

    def test_both_ways_are_told_apart(self):
        text = iperf_text(sum_received={"bits_per_second": 1e9}, sum_received_bidir_reverse={"bits_per_second": 3e9})
        self.assertEqual(iperf.tcp_both_ways(text), (1, 3))

    def test_fairness_is_one_for_equals_and_a_part_for_one_who_takes_all(self):
        def of(*rates):
            return iperf.fairness(iperf_text(streams=[{"receiver": {"bits_per_second": rate}} for rate in rates]))
        self.assertEqual((of(5e9), of(2e9, 2e9, 2e9, 2e9), of(4e9, 0, 0, 0), of(0, 0)), (1, 1, 0.25, 0))
        self.assertAlmostEqual(of(1e9, 3e9), 0.8)

    def test_udp_is_goodput_and_loss(self):
        text = iperf_text(sum={"bits_per_second": 2e9, "packets": 100, "lost_packets": 25},
                          sum_received={"bits_per_second": 1.5e9, "packets": 100, "lost_packets": 25})
        self.assertEqual(iperf.udp(text), (1.5, 0.25))

    def test_udp_of_nothing_is_all_lost(self):
        self.assertEqual(iperf.udp(iperf_text(sum_received={"bits_per_second": 0, "packets": 0, "lost_packets": 0})), (0, 1))

    def test_udp_loss_is_told_beside_the_pace_of_the_sender(self):
        text = iperf_text(sum_sent={"bits_per_second": 2e9, "packets": 105}, sum_received={"packets": 100, "lost_packets": 5})
        self.assertEqual(iperf.udp_loss(text), (2, 100, 5))

    def test_udp_overflows_are_those_of_udp_alone(self):
        table = "Tcp: RtoMin\nTcp: 200\nUdp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 9 1 8 7\nUdpLite: RcvbufErrors\nUdpLite: 3\n"
        self.assertEqual(iperf.udp_overflows(table), 7)

    def test_its_error_is_an_error(self):
        with self.assertRaisesRegex(iperf.IperfError, "unable to connect"):
            iperf.tcp(json.dumps({"end": {}, "error": "unable to connect"}))

    def test_no_json_is_an_error(self):
        with self.assertRaises(iperf.IperfError):
            iperf.tcp("iperf3: killed")


class SystemCalls(unittest.TestCase):
    def test_perf_counts_them(self):
        self.assertEqual(system_calls.total("# started on Sat\n\n4223,,raw_syscalls:sys_enter,1000300,100.00,,\n"), 4223)

    def test_strace_counts_them(self):
        table = ("% time     seconds  usecs/call     calls    errors syscall\n"
                 "------ ----------- ----------- --------- --------- ----------------\n"
                 " 90.00    0.000900           1       900         3 recvmsg\n"
                 "------ ----------- ----------- --------- --------- ----------------\n"
                 "100.00    0.001000           1       929         3 total\n")
        self.assertEqual(system_calls.total(table), 929)

    def test_no_number_is_an_error(self):
        for report in ("", "<not counted>,,raw_syscalls:sys_enter,0,0.00,,\n"):
            with self.assertRaises(process.Failed):
                system_calls.total(report)


class Programs(unittest.TestCase):
    wrk = ("  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     2.50ms    1.02ms  20.13ms   79.10%\n"
           "  16189 requests in 1.00s, 3.86MB read\nRequests/sec:  16076.24\nTransfer/sec:      3.83MB\n")
    pgbench = ("scaling factor: 10\nnumber of transactions actually processed: 8120\n"
               "number of failed transactions: 0 (0.000%)\nlatency average = 4.89 ms\ninitial connection time = 9.1 ms\n"
               "tps = 1634.992871 (without initial connection time)\n")

    def test_wrk_counts_requests(self):
        self.assertEqual(programs.wrk_requests_per_second(self.wrk), 16076.24)

    def test_requests_that_were_not_answered_as_asked_are_a_failure(self):
        for trouble in ("Socket errors: connect 0, read 1, write 0, timeout 0", "Non-2xx or 3xx responses: 5"):
            with self.assertRaisesRegex(process.Failed, trouble):
                programs.wrk_requests_per_second(self.wrk.replace("Requests/sec", f"  {trouble}\nRequests/sec"))

    def test_pgbench_counts_transactions(self):
        self.assertEqual(programs.pgbench_transactions_per_second(self.pgbench), 1634.992871)

    def test_a_pgbench_that_does_not_count_failures_is_believed(self):
        older = "\n".join(line for line in self.pgbench.splitlines() if "failed" not in line)
        self.assertEqual(programs.pgbench_transactions_per_second(older), 1634.992871)

    def test_failed_transactions_are_a_failure(self):
        with self.assertRaisesRegex(process.Failed, "failed transactions: 12"):
            programs.pgbench_transactions_per_second(self.pgbench.replace("transactions: 0 (0.000%)", "transactions: 12 (0.148%)"))

    def test_no_figure_is_a_failure(self):
        for figure in (programs.wrk_requests_per_second, programs.pgbench_transactions_per_second):
            with self.assertRaises(process.Failed):
                figure("")

    def test_what_is_not_installed_is_named_with_its_package(self):
        program = programs.Program("none", "", (), (("sh", "dash"), ("no-such-program", "no-package")), None)
        self.assertEqual(program.lacks(), "no-such-program is not installed (Debian: no-package)")


def series_of(**figures):
    """What Results.series gives, from peer="one number a round" or peer__row=...; names with _ for -."""
    def series(row, peer, _figure):
        return figures.get(f"{peer}__{row.replace('-', '_')}", figures.get(peer, []))
    return series


def at_least(limit, *peers, rows=()):
    return judge.Promise("tcp-up-1500", "", judge.Bound(">=", limit), judge.Against(peers, rows) if peers else None)


class Judge(unittest.TestCase):
    limit = judge.Promise("first-byte", "", judge.Bound("<", 20))

    def test_the_median_of_paired_ratios_counts(self):
        verdict = judge.judge(at_least(1, "pasta"), series_of(postern=[1.0, 4.0, 2.2, 1.0, 9.0], pasta=[1.0, 5.0, 2.0, 2.0, 3.0]))
        self.assertEqual((verdict.word, verdict.value), ("PASS", 1.0))

    def test_below_the_promise_fails(self):
        self.assertEqual(judge.judge(at_least(1, "pasta"), series_of(postern=[0.99] * 5, pasta=[1.0] * 5)).word, "FAIL")

    def test_the_better_of_two_is_found_in_each_round(self):
        verdict = judge.judge(at_least(4, "slirp4netns", "pasta"),
                              series_of(postern=[8.0, 8.0, 8.0], slirp4netns=[1.0, 2.0, 4.0], pasta=[2.0, 1.0, 1.0]))
        self.assertEqual((verdict.rounds, verdict.word), ((4.0, 4.0, 2.0), "PASS"))

    def test_a_round_in_which_one_of_two_failed_compares_nothing(self):
        verdict = judge.judge(at_least(4, "slirp4netns", "pasta"),
                              series_of(postern=[8.0, 9.0, 8.0], slirp4netns=[1.0, None, 2.0], pasta=[2.0, 2.0, 1.0]))
        self.assertEqual(verdict.rounds, (4.0, 4.0))

    def test_a_peer_that_was_not_there_leaves_nothing_to_judge(self):
        self.assertIsNone(judge.judge(at_least(4, "slirp4netns", "pasta"), series_of(postern=[8.0], slirp4netns=[1.0])))
        self.assertIsNone(judge.judge(self.limit, series_of()))

    def test_many_streams_are_held_against_the_one_of_the_same_round(self):
        promise = judge.Promise("tcp-up-1500-x8", "", judge.Bound(">=", 0.9), judge.Against(("postern",), ("tcp-up-1500",)))
        verdict = judge.judge(promise, series_of(postern__tcp_up_1500_x8=[8.0, 9.5, 9.0], postern__tcp_up_1500=[10.0] * 3))
        self.assertEqual((verdict.value, verdict.word), (0.9, "PASS"))

    def test_ahead_is_more_than_alike(self):
        promise = judge.Promise("rr-out", "", judge.Bound(">", 1), judge.Against(("pasta",)))
        self.assertEqual(judge.judge(promise, series_of(postern=[5.0], pasta=[5.0])).word, "FAIL")
        self.assertEqual(judge.judge(promise, series_of(postern=[5.1], pasta=[5.0])).word, "PASS")

    def test_without_a_bound_it_only_informs(self):
        promise = judge.Promise("tcp-up-65520", against=judge.Against(("pasta",)))
        self.assertEqual(judge.judge(promise, series_of(postern=[0.1], pasta=[1.0])).word, "info")

    def test_a_limit_is_on_our_own_figure(self):
        self.assertEqual(judge.judge(self.limit, series_of(postern=[19.0, 30.0, 19.9])).word, "PASS")
        self.assertEqual(judge.judge(self.limit, series_of(postern=[20.0])).word, "FAIL")

    def test_failed_runs_are_left_out_until_too_few_remain(self):
        promise = at_least(1, "pasta")
        self.assertEqual(judge.judge(promise, series_of(postern=[2.0, None, 2.0], pasta=[1.0] * 3)).rounds, (2.0, 2.0))
        self.assertIsNone(judge.judge(promise, series_of(postern=[2.0, None, None], pasta=[1.0] * 3)))

    def test_a_peer_that_moves_nothing_is_beaten(self):
        self.assertEqual(judge.ratio(0.5, 0), math.inf)
        self.assertEqual(judge.ratio(0, 0), 1)

    def test_every_promise_is_about_figures_that_are_measured(self):
        measured = {(row.name, figure) for row in rows.ROWS for figure, _ in row.figures}
        for promise in (promise for engine in judge.PROMISES.values() for promise in engine):
            compared = {(promise.row, promise.figure), *((row, figure) for row, _, figure in promise.sources)}
            self.assertLessEqual(compared, measured)

    def test_libslirp_is_held_against_slirp4netns_alone(self):
        peers = {peer for promise in judge.PROMISES["libslirp"] for _, peer, _ in promise.sources}
        self.assertEqual(peers, {"slirp4netns"})


class Plan(unittest.TestCase):
    def test_each_peer_named_measures_each_row(self):
        planned = plan.of_rows(rows.ROWS[:2], ["pasta"], 3)
        self.assertEqual(planned.peers, {row.name: ("pasta",) for row in rows.ROWS[:2]})
        self.assertEqual(len(list(planned.runs(places.places()))), 6)

    def test_the_host_alone_is_asked_only_over_long_paths_and_on_its_loopback(self):
        planned = plan.of_rows(rows.ROWS, None, 1)
        asked = [row for row in planned.rows if "host" in planned.peers[row.name]]
        self.assertEqual({row.round_trip is not None or "loopback" in row.name for row in asked}, {True})

    def test_a_round_measures_all_that_is_compared_and_no_more(self):
        promises = [judge.Promise("tcp-up-1500-x8", "", None, judge.Against(("postern",), ("tcp-up-1500",))),
                    judge.Promise("tcp-up-1500", "", None, judge.Against(("pasta",))), judge.Promise("first-byte")]
        runs = [(row.name, place.name) for row, place in plan.of_promises(promises, rows.ROWS, 2).runs(places.places())]
        round_of_tcp = [("tcp-up-1500", "postern"), ("tcp-up-1500", "pasta"), ("tcp-up-1500-x8", "postern")]
        self.assertEqual(runs, [*round_of_tcp, *round_of_tcp, ("first-byte", "postern"), ("first-byte", "postern")])

    def test_rows_that_a_third_compares_are_of_one_family(self):
        promises = [judge.Promise("a"), judge.Promise("b"),
                    judge.Promise("c", against=judge.Against(("bridge",), ("a", "b"))), judge.Promise("d")]
        self.assertEqual(sorted(map(sorted, judge.families(promises))), [["a", "b", "c"], ["d"]])

    def test_every_peer_has_a_name_that_may_be_asked_for(self):
        self.assertEqual(tuple(place.name for place in places.places()), places.NAMES)

    def test_the_engine_is_passed_on_when_it_is_named(self):
        self.assertNotIn("--engine", " ".join(places.Postern()._run()))
        self.assertIn("--engine=fast", places.Postern("fast")._run())


class Report(unittest.TestCase):
    def setUp(self):
        self.results = report.Results()
        for figure in (1.0, 3.0, 2.0):
            self.results.add("rr-out", "postern", {"": figure})
        self.results.add("rr-out", "pasta", {"": 4.0})
        self.results.add("rr-out", "bridge", None, "FAILED: gone")

    def test_the_table_has_medians_and_ratios(self):
        row = next(row for row in rows.ROWS if row.name == "rr-out")
        line = report.table([row], ["postern", "pasta", "bridge"], self.results).splitlines()[1]
        self.assertEqual(line.split(), ["rr-out", "/s", "2.00", "4.00", "-", "0.50x", "-"])

    def test_json_carries_each_run_and_no_infinity(self):
        promise = judge.Promise("rr-out", "", judge.Bound(">=", 1), judge.Against(("pasta",), text="pasta"))
        verdict = judge.judge(promise, series_of(postern=[1.0], pasta=[0.0]))
        record = report.Record({"kernel": "6"}, {"seconds": 5}, self.results)
        document = json.loads(report.to_json(record, [(promise, verdict)]))
        self.assertEqual(document["results"][0]["runs"], [{"": 1.0}, {"": 3.0}, {"": 2.0}])
        self.assertEqual(document["results"][2]["reason"], "FAILED: gone")
        self.assertEqual(document["verdicts"][0]["wanted"], ">= 1 x pasta")
        self.assertIsNone(document["verdicts"][0]["value"])

    def test_what_json_carries_can_be_read_again(self):
        record = report.Record({"kernel": "6"}, {"seconds": 5}, self.results)
        again = report.from_json(report.to_json(record, []))
        self.assertEqual((again.machine, again.settings), (record.machine, record.settings))
        self.assertEqual(again.results.as_json(), self.results.as_json())

    def test_a_figure_that_cannot_be_had_is_no_failure(self):
        self.results.add("memory-idle", "pasta", None, "no relay process")
        self.assertEqual((self.results.failed("bridge"), self.results.failed("pasta")), (True, False))

    def test_a_verdict_says_what_was_wanted_and_found(self):
        promise = judge.Promise("rr-out", "", judge.Bound(">=", 0.6), judge.Against(("pasta",), text="pasta"), aim=0.9)
        for _ in range(2):
            self.results.add("rr-out", "pasta", {"": 4.0})
        line = report.verdict_line(promise, judge.judge(promise, self.results.series), self.results)
        self.assertEqual(line.split(), "FAIL rr-out 0.50 (>= 0.6 x pasta, aim 0.9) 2.00 / 4.00 rounds 0.25 0.75 0.50".split())

    def test_numbers_have_three_digits(self):
        self.assertEqual([report.number(value) for value in (1234.5, 12.34, 0.126, None)], ["1,234", "12.3", "0.13", "-"])


class Plot(unittest.TestCase):
    def setUp(self):
        results = report.Results()
        for rate in (8.0, 4.0, 6.0):
            results.add("tcp-up-1500", "postern", {"": rate, "cost": 1.0})
        results.add("tcp-up-1500", "pasta", {"": 0.0})
        results.add("tcp-up-1500", "bridge", None, "FAILED: gone")
        results.add("first-byte", "postern", {"": 5.0})
        peers = ["postern", "pasta", "bridge"]
        chosen = [row for row in rows.ROWS if row.name in results.rows()]
        self.groups = plot.groups_of(chosen, peers, results)
        self.text = plot.svg(self.groups, peers, "2 x <some> processor")

    def bars(self, peer):
        inside = ElementTree.fromstring(self.text).iter("{http://www.w3.org/2000/svg}rect")
        return [float(bar.get("width")) for bar in inside if bar.get("class") == peer][1:]  # the first is the legend's

    def test_a_bar_is_as_long_as_the_median(self):
        postern = self.bars("postern")
        self.assertAlmostEqual(postern[0] / postern[1], 6 / 8, places=2)  # the longest bar has room for the most of its rounds

    def test_a_peer_that_moved_nothing_is_seen_and_one_that_failed_is_not_drawn(self):
        self.assertEqual((self.bars("pasta"), self.bars("bridge")), ([1], []))

    def test_units_have_panels_of_their_own(self):
        self.assertEqual([(group.label, group.unit) for group in self.groups], [("tcp-up-1500", "Gbit/s"), ("first-byte", "ms")])
        self.assertIn("Gbit/s (more is better)", self.text)
        self.assertIn("ms (less is better)", self.text)

    def test_it_stands_alone_in_light_and_dark(self):
        self.assertIn("prefers-color-scheme:dark", self.text)
        self.assertNotRegex(self.text.replace("http://www.w3.org/2000/svg", ""), "http|url\\(|@import|href")

    def test_every_peer_has_a_colour_and_every_plotted_figure_a_unit(self):
        self.assertEqual(set(plot.COLOURS), set(places.NAMES))
        for row in rows.ROWS:
            self.assertLessEqual(set(row.plotted), {figure for figure, _ in row.figures})


if __name__ == "__main__":
    unittest.main()
