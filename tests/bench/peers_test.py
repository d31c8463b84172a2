"""What the figures are made of, without a lab: python3 tests/bench/peers_test.py"""

import json
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))

import iperf  # noqa: E402
import judge  # noqa: E402
import process  # noqa: E402
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


class Judge(unittest.TestCase):
    ratio = judge.Promise("tcp-up-1500", at_least_ratio=1.0)
    limit = judge.Promise("first-byte", below=20)

    def test_the_median_of_paired_ratios_counts(self):
        verdict = judge.judge(self.ratio, [1.0, 4.0, 2.2, 1.0, 9.0], [1.0, 5.0, 2.0, 2.0, 3.0])
        self.assertEqual((verdict.word, verdict.value), ("PASS", 1.0))

    def test_below_the_promise_fails(self):
        self.assertEqual(judge.judge(self.ratio, [0.99] * 5, [1.0] * 5).word, "FAIL")

    def test_without_a_bound_it_only_informs(self):
        self.assertEqual(judge.judge(judge.Promise("tcp-up-65520"), [0.1], [1.0]).word, "info")

    def test_a_limit_is_on_our_own_figure(self):
        self.assertEqual(judge.judge(self.limit, [19.0, 30.0, 19.9], [1.0, 1.0, 1.0]).word, "PASS")
        self.assertEqual(judge.judge(self.limit, [20.0], [1.0]).word, "FAIL")

    def test_failed_runs_are_left_out_until_too_few_remain(self):
        self.assertEqual(judge.judge(self.ratio, [2.0, None, 2.0], [1.0, 1.0, 1.0]).rounds, (2.0, 2.0))
        self.assertIsNone(judge.judge(self.ratio, [2.0, None, None], [1.0, 1.0, 1.0]))

    def test_a_peer_that_moves_nothing_is_beaten(self):
        self.assertEqual(judge.ratio(0.5, 0), math.inf)
        self.assertEqual(judge.ratio(0, 0), 1)

    def test_every_promise_is_about_a_figure_that_is_measured(self):
        measured = {(row.name, figure) for row in rows.ROWS for figure, _ in row.figures}
        self.assertLessEqual({(promise.row, promise.figure) for promise in judge.PROMISES}, measured)


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
        verdict = judge.judge(judge.Promise("rr-out", at_least_ratio=1.0), [1.0], [0.0])
        text = report.to_json({"kernel": "6"}, {"seconds": 5}, self.results, [(verdict.promise, verdict)])
        document = json.loads(text)
        self.assertEqual(document["results"][0]["runs"], [{"": 1.0}, {"": 3.0}, {"": 2.0}])
        self.assertEqual(document["results"][2]["reason"], "FAILED: gone")
        self.assertIsNone(document["verdicts"][0]["value"])

    def test_numbers_have_three_digits(self):
        self.assertEqual([report.number(value) for value in (1234.5, 12.34, 0.126, None)], ["1,234", "12.3", "0.13", "-"])


if __name__ == "__main__":
    unittest.main()
