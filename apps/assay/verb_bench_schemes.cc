// `assay bench schemes`: all schemes on one capture; commitments, openings and checks of the scheme kzg.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "arguments.h"
#include "assay/kzg.h"
#include "base/try.h"
#include "bench.h"
#include "bench_capture.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct SchemesOptions : BenchOptions {
  unsigned log_size = 20;
  unsigned log_block = 12;
  unsigned log_all = 16;
  unsigned log_all_block = 8;
  std::string capture = "31,28,576";
  std::string ptau;
};

std::vector<std::int16_t> random_values(std::size_t count) {
  std::mt19937_64 random(count);
  std::vector<std::int16_t> out(count);
  for (std::int16_t& each : out) each = static_cast<std::int16_t>(random());
  return out;
}

Json parameters_of(unsigned log_size, unsigned threads) {
  return {{"scheme", "kzg"}, {"log_size", log_size}, {"bits", 16}, {"threads", threads}};
}

/// Times what gives a Result, as one row.
template <class Run>
Status add_timed(BenchTable& table, const char* what, const Json& parameters, const Repeats& repeats,
                 const Run& run) {
  table.add(what, parameters, ASSAY_TRY(measure_result(repeats, run)));
  return {};
}

/// What is accepted; a refusal is an error here, where everything is honest.
Status accepted(const Verdict& verdict) {
  if (verdict.ok()) return {};
  return Error{ErrorCode::kMismatch, "bench", verdict.step() + ": " + verdict.reason()};
}

/// Statements as they come over the wire: points are decoded, and nodes found, within the time.
Status bench_checks(const kzg::Srs& srs, const std::vector<std::int16_t>& values,
                    const SchemesOptions& options, unsigned threads, BenchTable& table) {
  const Json parameters = parameters_of(srs.log_size(), threads);
  const Repeats often{std::max(options.repeats, 50), options.seconds};
  const std::uint64_t index = srs.size() / 3, block = (srs.size() >> options.log_block) / 3;
  const auto commitment = curve::encode(ASSAY_TRY(kzg::commit(srs, values)));
  const kzg::Opening opening = ASSAY_TRY(kzg::open(srs, values, index));
  const auto entry = curve::encode(opening.quotient);
  const auto quotient = curve::encode(ASSAY_TRY(kzg::open_block(srs, values, options.log_block, block)));
  const kzg::Verifier verifier(srs.verifier_key());
  const auto verify_entry = [&]() -> Status {
    const kzg::Statement statement{ASSAY_TRY(curve::decode_g1(commitment, "bench")),
                                   kzg::node_of(srs.log_size(), index),
                                   {opening.value, ASSAY_TRY(curve::decode_g1(entry, "bench"))}};
    return accepted(verifier.check(statement));
  };
  ASSAY_TRY(add_timed(table, "verify an entry from bytes", parameters, often, verify_entry));
  const std::size_t size = std::size_t{1} << options.log_block;
  const IntegerView part = IntegerView(values).subview(block * size, size);
  const auto verify_block = [&]() -> Status {
    const kzg::BlockStatement statement{ASSAY_TRY(curve::decode_g1(commitment, "bench")), options.log_block,
                                        block, part, ASSAY_TRY(curve::decode_g1(quotient, "bench"))};
    return accepted(verifier.check_block(srs, statement));
  };
  ASSAY_TRY(add_timed(table, "verify a block from bytes", parameters, often, verify_block));
  table.annotate("block", size);

  std::vector<kzg::Question> questions;
  for (std::uint64_t i = 0; i < 1000; ++i)
    questions.push_back({0, kzg::node_of(srs.log_size(), i * 1048573 % srs.size())});
  const kzg::Vector vector{{}, ASSAY_TRY(curve::decode_g1(commitment, "bench")), values};
  ASSAY_TRY(add_timed(table, "open 1,000 entries in 64 bytes", parameters, {3, options.seconds}, [&] {
    return kzg::open_many(srs, {&vector, 1}, questions);
  }));
  const kzg::ManyOpening many = ASSAY_TRY(kzg::open_many(srs, {&vector, 1}, questions));
  std::vector<kzg::Claim> claims;
  for (std::size_t i = 0; i < questions.size(); ++i)
    claims.push_back({vector.name, vector.commitment, questions[i].point, many.values[i]});
  return add_timed(table, "verify 1,000 entries in 64 bytes", parameters, often,
                   [&] { return accepted(verifier.check_many(claims, many.proof)); });
}

Status bench_one_thread_count(const SchemesOptions& options, const kzg::Srs& srs, const kzg::Srs& small,
                              unsigned threads, BenchTable& table) {
  const ThreadLimitScope scope(threads);
  const Repeats repeats = repeats_of(options);
  const std::vector<std::int16_t> values = random_values(srs.size());
  const Json parameters = parameters_of(srs.log_size(), threads);
  ASSAY_TRY(add_timed(table, "commit", parameters, repeats, [&] { return kzg::commit(srs, values); }));
  ASSAY_TRY(add_timed(table, "open an entry", parameters, repeats,
                      [&] { return kzg::open(srs, values, srs.size() / 3); }));
  ASSAY_TRY(add_timed(table, "open a block", parameters, repeats, [&] {
    return kzg::open_block(srs, values, options.log_block, (srs.size() >> options.log_block) / 3);
  }));
  table.annotate("block", std::uint64_t{1} << options.log_block);
  const std::vector<std::int16_t> few = random_values(small.size());
  ASSAY_TRY(add_timed(table, "open all blocks", parameters_of(small.log_size(), threads), repeats,
                      [&] { return kzg::open_all_blocks(small, few, options.log_all_block); }));
  table.annotate("block", std::uint64_t{1} << options.log_all_block);
  return bench_checks(srs, values, options, threads, table);
}

Result<int> run_schemes(const SchemesOptions& options, const Console& console) {
  if (options.log_block > options.log_size || options.log_all_block > options.log_all)
    return Error{ErrorCode::kOutOfRange, "--log-block", "a block is at most all of the vector"};
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  const TemporaryFile file("kzg.srs"), imported("imported.srs");
  const kzg::Srs made = ASSAY_TRY(kzg::Srs::dev(options.log_size, 7));
  ASSAY_TRY(made.write(file.path()));
  const kzg::Srs srs = ASSAY_TRY(kzg::Srs::open(file.path()));
  const kzg::Srs small = ASSAY_TRY(kzg::Srs::dev(options.log_all, 7));
  BenchTable table(console);
  ASSAY_TRY(bench_capture(options.capture, repeats_of(options), threads, table));
  for (const unsigned count : threads) {
    ASSAY_TRY(bench_one_thread_count(options, srs, small, count, table));
    if (options.ptau.empty()) continue;
    const ThreadLimitScope scope(count);
    ASSAY_TRY(add_timed(table, "import powers", parameters_of(options.log_all, count), repeats_of(options),
                        [&] { return kzg::import_ptau(options.ptau, options.log_all, imported.path()); }));
  }
  return table.report();
}

}  // namespace

void add_bench_schemes(Program& program) {
  const auto [verb, options] =
      program.add("bench schemes", "All schemes on one capture, and vectors of the scheme kzg",
                  "assay bench schemes --ptau build/ptau/16.ptau --thread-counts 1,2 --json", run_schemes);
  add_option(verb, "--capture L,T,H", options.capture,
             "layers, tokens and width of what all schemes commit to")
      ->capture_default_str();
  add_option(verb, "--log-size K", options.log_size, "vectors of 2^K values of 16 bits")
      ->capture_default_str()
      ->check(CLI::Range(1, 24));
  add_option(verb, "--log-block J", options.log_block, "blocks of 2^J of them")->capture_default_str();
  add_option(verb, "--log-all K", options.log_all,
             "the vector of which all blocks are opened, and the import")
      ->capture_default_str()
      ->check(CLI::Range(1, 24));
  add_option(verb, "--log-all-block J", options.log_all_block, "its blocks, of 2^J values")
      ->capture_default_str();
  add_option(verb, "--ptau FILE", options.ptau, "a file to import 2^K values from; none is without one");
  add_repeats(verb, options);
  add_thread_counts(verb, options);
}

}  // namespace assay::cli
