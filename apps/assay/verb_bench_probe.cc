// `assay bench probe`: how fast this machine takes readings, makes geometries and trains probes.
#include <fmt/format.h>

#include <numeric>
#include <random>

#include "assay/probe_geometry.h"
#include "assay/probe_statement.h"
#include "assay/probe_training.h"
#include "assay/world.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"
#include "bench.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct ProbeOptions : BenchOptions {
  unsigned width = 576;
  unsigned vocabulary = 49152;
  unsigned examples = 400;
  unsigned rows = 64;
  unsigned probes = 8;
  unsigned permutations = probe::kPermutations;
};

std::vector<float> normal_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

/// Pairs of one example of each label, which coordinate 0 tells apart.
struct MadeUpExamples {
  std::vector<float> values;
  probe::Examples examples;
  probe::RowsFile rows;
};

MadeUpExamples made_up_examples(const ProbeOptions& options) {
  MadeUpExamples made;
  const std::size_t count = options.examples / 2 * 2;
  made.values = normal_values(count * options.width, 1);
  made.rows = {"made up", {}, {}, {}, "last", "none", {}};
  made.examples.width = options.width;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool label = i % 2 == 1;
    if (label) made.values[std::size_t{i} * options.width] += 1;
    made.examples.labels.push_back(label);
    made.examples.groups.push_back(i / 2);
    if (!label) made.examples.group_names.push_back(fmt::format("pair {}", i / 2));
    made.rows.texts.push_back({fmt::format("pair {}", i / 2), label, {i % 97, i % 31, 5, i % 7}, {3}});
  }
  made.examples.rows = made.values;
  return made;
}

/// Readings of rows, and the digest of as many bytes as they have: what attest and verify to L3 are made of.
Status bench_readings(const ProbeOptions& options, unsigned threads, BenchTable& table) {
  const std::vector<float> rows = normal_values(std::size_t{options.rows} * options.width, 2);
  const std::vector<float> single = normal_values(std::size_t{options.probes} * options.width, 3);
  const std::vector<double> covectors(single.begin(), single.end());
  std::vector<probe::Reader> readers;
  for (unsigned k = 0; k < options.probes; ++k)
    readers.push_back({std::span(covectors).subspan(std::size_t{k} * options.width, options.width), 0.5});
  const Timing timing = ASSAY_TRY(
      measure_result(repeats_of(options), [&] { return probe::read_rows(rows, options.width, readers); }));
  table.add(
      "readings",
      {{"rows", options.rows}, {"probes", options.probes}, {"width", options.width}, {"threads", threads}},
      timing);
  return {};
}

Result<probe::Factor> bench_geometry(const ProbeOptions& options, const probe::Unembedding& unembedding,
                                     unsigned threads, BenchTable& table) {
  Result<Timing> timing = Timing{};
  const std::optional<std::uint64_t> peak = peak_memory_of([&] {
    timing = measure_result(repeats_of(options), [&] { return probe::geometry_of(unembedding, true, {}); });
  });
  if (!timing.ok()) return timing.error();
  table.add("geometry",
            {{"vocabulary", unembedding.tokens}, {"width", unembedding.width}, {"threads", threads}},
            *timing);
  if (peak) table.annotate("peak_memory_bytes", *peak);
  return probe::factor_of(ASSAY_TRY(probe::geometry_of(unembedding, true, {})));
}

Status bench_training(const ProbeOptions& options, const probe::Factor& factor, unsigned threads,
                      BenchTable& table) {
  const MadeUpExamples made = made_up_examples(options);
  probe::TrainingOptions how;
  how.dimension = "made up";
  how.rows = &made.rows;
  how.permutations = options.permutations;
  Result<Timing> timing = Timing{};
  const std::optional<std::uint64_t> peak = peak_memory_of([&] {
    timing = measure_result(repeats_of(options), [&] { return probe::train(made.examples, factor, how); });
  });
  if (!timing.ok()) return timing.error();
  table.add("training, all baselines",
            {{"examples", made.examples.size()},
             {"width", options.width},
             {"permutations", options.permutations},
             {"threads", threads}},
            *timing);
  if (peak) table.annotate("peak_memory_bytes", *peak);
  return {};
}

/// Parts of training by themselves: one fit to all examples at a penalty in the middle of those that are
/// searched, and the search over all penalties and folds with the last fit and no baseline.
Status bench_fits(const ProbeOptions& options, const probe::Factor& factor, unsigned threads,
                  BenchTable& table) {
  const MadeUpExamples made = made_up_examples(options);
  const Json parameters = {
      {"examples", made.examples.size()}, {"width", options.width}, {"threads", threads}};
  const std::vector<double> features(made.values.begin(), made.values.end());
  const double lambda = 1e-3 * options.width;
  table.add("one fit", parameters, ASSAY_TRY(measure_result(repeats_of(options), [&] {
              return probe::fit_logistic(features, options.width, made.examples.labels, lambda);
            })));
  probe::TrainingOptions how;
  how.dimension = "made up";
  how.baselines = false;
  table.add("training, no baseline", parameters, ASSAY_TRY(measure_result(repeats_of(options), [&] {
              return probe::train(made.examples, factor, how);
            })));
  return {};
}

/// What a provider signs and a verifier holds it against, from the files that both have.
struct Stated {
  const TemporaryFile activations{"activations"};
  const TemporaryFile set{"probes"};
  const TemporaryFile key{"key"};
  const TemporaryFile statement{"statement"};
};

probe::ProbeSet made_up_set(const ProbeOptions& options, const probe::Activations& activations) {
  probe::ProbeSet set;
  probe::SetDetails details;
  details.model_id = activations.model_id;
  details.width = options.width;
  details.activations = activations.sha256;
  const std::vector<float> values = normal_values(std::size_t{options.probes} * options.width, 3);
  for (unsigned k = 0; k < options.probes; ++k) {
    const auto row = std::span(values).subspan(std::size_t{k} * options.width, options.width);
    set.probes.push_back({.dimension = fmt::format("made up {}", k), .weights = {row.begin(), row.end()}});
    probe::Probe probe;
    probe.covector.assign(row.begin(), row.end());
    probe.vector = probe.covector;
    probe.lambda = 1;
    probe.reading_sd = 1;
    details.probes.push_back(std::move(probe));
  }
  set.details = std::move(details);
  return set;
}

/// From files: `attest` opens, reads, signs and writes; `verify` repeats the readings, up to L3.
Status bench_statement(const ProbeOptions& options, unsigned threads, BenchTable& table) {
  const Stated files;
  std::vector<std::uint32_t> positions(options.rows);
  std::iota(positions.begin(), positions.end(), 0U);
  const std::vector<std::uint32_t> layers = {0};
  ASSAY_TRY(probe::write_activations(files.activations.path(), "made up", probe::Precision::kFp32,
                                     options.width, layers, positions,
                                     normal_values(std::size_t{options.rows} * options.width, 2)));
  const probe::Activations written = ASSAY_TRY(probe::open_activations(files.activations.path()));
  ASSAY_TRY(made_up_set(options, written).write(files.set.path()));
  const SigningKey key = ASSAY_TRY(SigningKey::generate());
  const std::string pem = encode_signing_key(key);
  ASSAY_TRY(write_private_file(files.key.path(),
                               {reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size()},
                               AtomicFile::Existing::kReplace));
  const auto now = static_cast<std::uint64_t>(World::system().unix_time());
  const auto attest = [&]() -> Status {
    const probe::Activations activations = ASSAY_TRY(probe::open_activations(files.activations.path()));
    const probe::ProbeSet set = ASSAY_TRY(probe::ProbeSet::read(files.set.path()));
    const Digest digest = ASSAY_TRY(probe::file_digest(files.set.path(), probe::kMaxJsonBytes));
    probe::AttestOptions how;
    how.issued_at = now;
    const probe::Attested made =
        ASSAY_TRY(probe::attest(activations, set, digest, nullptr, std::nullopt, nullptr, how));
    return write_file(files.statement.path(), ASSAY_TRY(probe::sign(made.statement, files.key.path())));
  };
  const auto verify = [&]() -> Status {
    probe::Evidence evidence;
    evidence.key = key.public_key();
    evidence.now = now;
    evidence.activations = ASSAY_TRY(probe::open_activations(files.activations.path()));
    evidence.set = ASSAY_TRY(probe::ProbeSet::read(files.set.path()));
    evidence.set_digest = ASSAY_TRY(probe::file_digest(files.set.path(), probe::kMaxJsonBytes));
    const std::string text = ASSAY_TRY(probe::read_envelope(files.statement.path()));
    const Verdict verdict =
        ASSAY_TRY(probe::verify(text, files.statement.path().string(), evidence, probe::Level::kReadings));
    const Verdict& readings = verdict.parts()[static_cast<std::size_t>(probe::Level::kReadings)].verdict;
    if (readings.outcome() == Outcome::kAccepted) return {};
    return Error{ErrorCode::kMismatch, "readings", readings.reason()};
  };
  const Json parameters = {
      {"rows", options.rows}, {"probes", options.probes}, {"width", options.width}, {"threads", threads}};
  table.add("attest", parameters, ASSAY_TRY(measure_result(repeats_of(options), attest)));
  table.add("verify to L3", parameters, ASSAY_TRY(measure_result(repeats_of(options), verify)));
  return {};
}

Result<int> run_bench(const ProbeOptions& options, const Console& console) {
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  const TemporaryFile file("unembedding");
  {
    auto writer = ASSAY_TRY(probe::UnembeddingWriter::create(file.path(), options.vocabulary, options.width));
    for (unsigned i = 0; i < options.vocabulary; ++i) ASSAY_TRY(writer.add(normal_values(options.width, i)));
    ASSAY_TRY(writer.finish());
  }
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(file.path()));
  BenchTable table(console);
  for (const unsigned count : threads) {
    const ThreadLimitScope scope(count);
    ASSAY_TRY(bench_readings(options, count, table));
    const probe::Factor factor = ASSAY_TRY(bench_geometry(options, unembedding, count, table));
    ASSAY_TRY(bench_statement(options, count, table));
    ASSAY_TRY(bench_fits(options, factor, count, table));
    ASSAY_TRY(bench_training(options, factor, count, table));
  }
  return table.report();
}

}  // namespace

void add_bench_probe(Program& program) {
  const auto [verb, options] =
      program.add("bench probe", "Time readings, the geometry of an unembedding, and training",
                  "assay bench probe --width 576 --vocabulary 49152 --examples 400 --json", run_bench);
  CLI::App* const parsed = verb;  // clang lets no lambda capture a structured binding
  const auto size = [parsed](const std::string& usage, unsigned& value, unsigned least, unsigned most,
                             const std::string& help) {
    add_option(parsed, usage, value, help)
        ->check(CLI::Range(least, most).description(""))
        ->capture_default_str();
  };
  size("--width D", options.width, 1, probe::kMaxWidth, "values of a row");
  size("--vocabulary V", options.vocabulary, 2, 1U << 20, "rows of the unembedding");
  size("--examples N", options.examples, 100, 100000, "examples to train on, in pairs");
  size("--rows R", options.rows, 1, 65536, "rows to read");
  size("--probes P", options.probes, 1, probe::kMaxProbes, "probes to read them with");
  size("--permutations N", options.permutations, 0, 10000, "refits on permuted labels");
  add_repeats(verb, options);
  add_thread_counts(verb, options);
}

}  // namespace assay::cli
