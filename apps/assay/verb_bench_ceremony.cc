// `assay bench ceremony`: how long a contribution, its check, finalizing and verifying take.
#include <fmt/format.h>

#include "assay/field.h"
#include "assay/pst.h"
#include "base/try.h"
#include "bench.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct CeremonyOptions : BenchOptions {
  std::string axes = "6,6,6,6,6,6,6,6";
};

Status bench_one_thread_count(const CeremonyOptions& options, const Axes& axes, unsigned threads,
                              BenchTable& table) {
  const ThreadLimitScope scope(threads);
  const Repeats repeats = repeats_of(options);
  const Json parameters = {{"axes", axes.to_string()}, {"threads", threads}, {"kernel", active_kernel()}};
  const TemporaryFile begun("0.powers"), first("1.powers"), second("2.powers"), srs_file("ceremony.srs");
  const auto timed = [&](std::string what, const auto& run) -> Status {
    Status failure;
    std::optional<Timing> timing;
    const std::optional<std::uint64_t> peak = peak_memory_of([&] {
      const Result<Timing> found = measure_result(repeats, run);
      if (found.ok()) {
        timing = *found;
      } else {
        failure = found.error();
      }
    });
    if (!timing) return failure;
    table.add(std::move(what), parameters, *timing);
    if (peak) table.annotate("peak_bytes", *peak);
    return {};
  };
  // A refusal is an error here, where everything is honest.
  const auto accepted = [](const Verdict& verdict) -> Status {
    if (verdict.ok()) return {};
    return Error{ErrorCode::kMismatch, "bench", verdict.step() + ": " + verdict.reason()};
  };

  ASSAY_TRY(timed("begin a ceremony", [&] { return setup::start(axes, begun.path()); }));
  const auto contribute = [&](const TemporaryFile& from, const TemporaryFile& to) -> Status {
    const setup::Powers powers = ASSAY_TRY(setup::Powers::open(from.path()));
    return accepted(ASSAY_TRY(setup::contribute(powers, "bench", {}, to.path())).before);
  };
  ASSAY_TRY(contribute(begun, first));
  ASSAY_TRY(timed("contribution with check of its input", [&] { return contribute(first, second); }));
  const setup::Powers powers = ASSAY_TRY(setup::Powers::open(second.path()));
  ASSAY_TRY(timed("check powers", [&] { return accepted(setup::check_powers(powers)); }));
  const auto finalize = [&]() -> Status {
    const pst::Finalized made = ASSAY_TRY(pst::finalize(powers, axes));
    ASSAY_TRY(accepted(made.powers));
    return made.srs->write(srs_file.path());
  };
  ASSAY_TRY(timed("finalize", finalize));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(srs_file.path()));
  ASSAY_TRY(timed("verify SRS and transcript",
                  [&] { return accepted(pst::verify_with_transcript(srs, powers.ceremony())); }));
  return timed("check transcript", [&] { return accepted(setup::check_ceremony(powers.ceremony())); });
}

Result<int> run_ceremony(const CeremonyOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  BenchTable table(console);
  for (const unsigned threads : ASSAY_TRY(thread_counts_of(options)))
    ASSAY_TRY(bench_one_thread_count(options, axes, threads, table));
  return table.report();
}

}  // namespace

void add_bench_ceremony(Program& program) {
  const auto [verb, options] =
      program.add("bench ceremony", "Contribution, check, finalizing and verifying of a ceremony's SRS",
                  "assay bench ceremony --axes 6,6,6,6,6,6,6,6 --thread-counts 2 --json", run_ceremony);
  add_option(verb, "--axes A,B,..", options.axes, "shape of the ceremony and of the SRS")
      ->capture_default_str();
  add_repeats(verb, options);
  add_thread_counts(verb, options);
}

}  // namespace assay::cli
