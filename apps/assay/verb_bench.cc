// `assay bench msm`, `assay bench pairing` and `assay bench commitments`: how fast this machine commits.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <random>

#include "arguments.h"
#include "assay/curve.h"
#include "assay/field.h"
#include "assay/pst.h"
#include "assay/tensor.h"
#include "base/large_array.h"
#include "base/try.h"
#include "bench.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct MsmOptions : BenchOptions {
  std::string log_sizes = "10,14,16,18,20";
  std::string bits = "8,16,40,254";
  std::string kernels;
};

struct CommitmentOptions : BenchOptions {
  std::string axes = "6,6,6,6,6,6,6,6";
  unsigned bits = 40;
};

/// Points 2^i G: no two sums of few of them meet. They lie as those of an SRS do.
LargeArray<G1Affine> spread_points(std::size_t count) {
  std::vector<Fr> scalars(count);
  Fr power = Fr::one();
  for (Fr& each : scalars) {
    each = power;
    power += power;
  }
  LargeArray<G1Affine> out(count);
  curve::multiply_generator_vartime(scalars, out.span());
  return out;
}

template <class T>
tensor::IntegerArray random_words(std::size_t count, unsigned bits, std::mt19937_64& random) {
  std::vector<T> out(count);
  for (T& each : out) {
    // 16 bits with their sign are what a bf16 pattern is; wider data have the sign beside the bits.
    const std::uint64_t magnitude = random() >> (64 - bits);
    each = static_cast<T>((random() & 1) != 0 ? magnitude : 0 - magnitude);
  }
  return tensor::IntegerArray::own(std::move(out));
}

/// Uniform integers of `bits` bits and a sign, in the narrowest type that holds them.
tensor::IntegerArray random_integers(std::size_t count, unsigned bits) {
  std::mt19937_64 random(count + bits);
  if (bits <= 8) return random_words<std::int8_t>(count, bits, random);
  if (bits <= 16) return random_words<std::int16_t>(count, bits, random);
  if (bits <= 63) return random_words<std::int64_t>(count, bits, random);
  std::vector<Scalar> scalars(count);
  for (Scalar& each : scalars) {
    Bytes bytes(32);
    for (unsigned i = 0; i < bits; ++i) bytes[i / 8] |= static_cast<std::uint8_t>((random() & 1) << (i % 8));
    each = Fr::from_bytes_reduced(bytes).to_scalar();
  }
  return tensor::IntegerArray::own(std::move(scalars));
}

/// Restores the kernel and the thread limit.
class Settings {
 public:
  Settings() : kernel_(active_kernel()), threads_(thread_limit()) {}
  ~Settings() {
    static_cast<void>(force_kernel(kernel_));
    set_thread_limit(threads_);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

 private:
  std::string kernel_;
  unsigned threads_;
};

Result<std::vector<std::string_view>> kernels_of(const std::string& names) {
  if (names.empty()) return std::vector<std::string_view>{active_kernel()};
  const std::vector<std::string_view> out = split(names);
  for (const std::string_view name : out) {
    if (name != "portable" && name != "adx" && name != "ifma")
      return Error{ErrorCode::kUnsupported, "--kernels",
                   fmt::format("'{}' is none of portable, adx, ifma", name)};
  }
  return out;
}

Result<int> run_msm(const MsmOptions& options, const Console& console) {
  const std::vector<unsigned> sizes = ASSAY_TRY(parse_numbers(options.log_sizes, 0, 26, "--log-sizes"));
  const std::vector<unsigned> widths = ASSAY_TRY(parse_numbers(options.bits, 1, 254, "--bits"));
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  const std::vector<std::string_view> kernels = ASSAY_TRY(kernels_of(options.kernels));
  const Settings restored;
  const LargeArray<G1Affine> points =
      spread_points(std::size_t{1} << *std::max_element(sizes.begin(), sizes.end()));
  BenchTable table(console);
  for (const std::string_view kernel : kernels) {
    const bool runs_here = force_kernel(kernel).ok();
    for (const unsigned log_size : sizes) {
      const std::size_t count = std::size_t{1} << log_size;
      for (const unsigned bits : widths) {
        const tensor::IntegerArray values = random_integers(count, bits);
        for (const unsigned thread_count : threads) {
          const Json parameters = {
              {"kernel", kernel}, {"log_size", log_size}, {"bits", bits}, {"threads", thread_count}};
          if (!runs_here) {
            table.add_missing("msm", parameters, "not on this processor");
            continue;
          }
          set_thread_limit(thread_count);
          const Timing timing = measure(repeats_of(options), [&] {
            return curve::msm_vartime(points.span().first(count), values.view());
          });
          table.add("msm", parameters, timing);
          const std::uint64_t additions = curve::planned_additions(count, bits <= 16 ? bits - 1 : bits);
          table.annotate("ns_per_value", timing.median * 1e9 / static_cast<double>(count));
          table.annotate("additions_per_second", static_cast<double>(additions) / timing.median);
        }
      }
    }
  }
  return table.report();
}

/// Products of pairings whose lines are kept, and of those that make the lines of each G2 point first.
void add_pairings(BenchTable& table, const Json& parameters, const Repeats& repeats) {
  constexpr int kRuns = 20;
  const G1Affine p = curve::multiply_vartime(G1Affine::generator(), Fr::from_u64(123456789));
  std::vector<G2Affine> points;
  for (std::uint64_t k = 0; k < 9; ++k)
    points.push_back(curve::multiply_vartime(G2Affine::generator(), Fr::from_u64(987654321 + k)));
  const std::vector<curve::PreparedG2> kept = curve::PreparedG2::of_all(points);
  for (const std::size_t pairs : {1U, 9U}) {
    const std::string what = pairs == 1 ? "pairing" : "product of 9 pairings";
    const auto terms_of = [&](const std::vector<curve::PreparedG2>& prepared) {
      std::vector<curve::PairingTerm> terms;
      for (std::size_t pair = 0; pair < pairs; ++pair) terms.push_back({p, &prepared[pair]});
      return terms;
    };
    const std::vector<curve::PairingTerm> of_kept = terms_of(kept);
    const Timing with_kept = measure(repeats, [&] {
      for (int i = 0; i < kRuns; ++i)
        static_cast<void>(curve::final_exponentiation(curve::multi_miller_loop(of_kept)));
    });
    table.add(what, parameters, with_kept, kRuns);
    const Timing with_made = measure(repeats, [&] {
      for (int i = 0; i < kRuns; ++i) {
        const auto made = curve::PreparedG2::of_all(std::span(points).first(pairs));
        static_cast<void>(curve::final_exponentiation(curve::multi_miller_loop(terms_of(made))));
      }
    });
    table.add(what + ", lines made", parameters, with_made, kRuns);
  }
}

Result<int> run_pairing(const BenchOptions& options, const Console& console) {
  const Settings restored;
  BenchTable table(console);
  const Repeats repeats{std::max(options.repeats, 20), options.seconds};
  const auto encoded = curve::encode(curve::multiply_vartime(G1Affine::generator(), Fr::from_u64(123456789)));
  for (const std::string_view kernel : available_kernels()) {
    ASSAY_TRY(force_kernel(kernel));
    const Json parameters = {{"kernel", kernel}, {"threads", 1}};
    add_pairings(table, parameters, repeats);
    constexpr int kPoints = 1000;
    const Timing decoding = measure(repeats, [&] {
      for (int i = 0; i < kPoints; ++i) static_cast<void>(curve::decode_g1(encoded, "bench"));
    });
    table.add("decode a G1 point", parameters, decoding, kPoints);
    std::vector<Fr> scalars(std::size_t{1} << 16);
    Fr value = Fr::from_i64(-3);
    for (Fr& each : scalars) each = value = value * value + Fr::one();
    std::vector<G1Affine> out(scalars.size());
    const Timing multiples =
        measure(repeats_of(options), [&] { curve::multiply_generator_vartime(scalars, out); });
    table.add("multiple of the generator", {{"kernel", kernel}, {"threads", thread_limit()}}, multiples,
              static_cast<double>(scalars.size()));
  }
  return table.report();
}

/// The statement that an opening's bytes make: every point decoded as it comes over the wire.
struct WireStatement {
  std::vector<std::array<std::uint8_t, 32>> points;  // the commitment, then the quotients
  std::vector<Fr> point;
  Fr value;

  [[nodiscard]] Result<pst::Statement> decode() const {
    pst::Statement out{ASSAY_TRY(curve::decode_g1(points[0], "bench")), point, {value, {}}};
    for (std::size_t i = 1; i < points.size(); ++i)
      out.opening.quotients.push_back(ASSAY_TRY(curve::decode_g1(points[i], "bench")));
    return out;
  }
};

Status bench_one_thread_count(const CommitmentOptions& options, const pst::Srs& srs,
                              const IntegerView& values, const std::vector<std::int16_t>& patterns,
                              unsigned threads, BenchTable& table) {
  set_thread_limit(threads);
  const Axes& axes = srs.axes();
  const Repeats repeats = repeats_of(options);
  const auto parameters = [&](unsigned bits) {
    return Json{{"axes", axes.to_string()}, {"bits", bits}, {"threads", threads}};
  };
  const auto timed = [&](const char* what, const std::function<void()>& run, std::size_t items = 1) {
    table.add(what, parameters(options.bits), measure(repeats, run), static_cast<double>(items));
  };
  const auto commit = [&] { return pst::commit(srs, values); };
  const G1Affine commitment = ASSAY_TRY(commit());
  timed("commit", commit);
  if (const auto peak = peak_memory_of(commit)) table.annotate("peak_memory_bytes", *peak);
  table.add("commit bf16 patterns", parameters(16),
            measure(repeats, [&] { return pst::commit(srs, patterns); }));

  std::vector<std::uint32_t> grid_point;
  std::vector<Fr> point;
  for (const std::uint32_t nodes : axes.sizes()) {
    grid_point.push_back(nodes / 3);
    point.push_back(Fr::from_u64(nodes / 3));
  }
  const pst::Opening opening = ASSAY_TRY(pst::open(srs, values, grid_point));
  timed("open one entry", [&] { return pst::open(srs, values, grid_point); });

  pst::KeptQuotients first_axis(axes);
  ASSAY_TRY(pst::keep_first_axis(srs, values, first_axis));
  timed("keep the first axis", [&] {
    pst::KeptQuotients kept(axes);
    return pst::keep_first_axis(srs, values, kept);
  });
  bool same = true;
  timed("open one entry, first axis kept", [&] {
    // A copy, because opening adds the further axes.
    pst::KeptQuotients kept = first_axis;
    const Result<pst::Opening> with_kept = pst::open(srs, values, grid_point, &kept);
    same = same && with_kept.ok() && with_kept->quotients == opening.quotients;
  });
  if (!same) return Error{ErrorCode::kMismatch, "bench", "an opening with kept quotients is another one"};

  const pst::Verifier verifier(srs.verifier_key());
  WireStatement wire{{curve::encode(commitment)}, point, opening.value};
  for (const G1Affine& quotient : opening.quotients) wire.points.push_back(curve::encode(quotient));
  bool all_accepted = true;
  table.add("verify one proof from bytes", parameters(options.bits), measure({50, options.seconds}, [&] {
              const Result<pst::Statement> statement = wire.decode();
              all_accepted = all_accepted && statement.ok() && verifier.check(*statement).ok();
            }));
  constexpr std::size_t kBatch = 1000;
  const auto verify_batch = [&] {
    std::vector<pst::Statement> statements;
    for (std::size_t i = 0; i < kBatch; ++i) {
      Result<pst::Statement> statement = wire.decode();
      if (statement.ok()) statements.push_back(std::move(*statement));
    }
    all_accepted = all_accepted && statements.size() == kBatch && verifier.check_all(statements).ok();
  };
  timed("verify 1,000 from bytes, each", verify_batch, kBatch);
  if (!all_accepted) return Error{ErrorCode::kMismatch, "bench", "an honest proof was not accepted"};

  timed("interpolate", [&] { return pst::interpolate(axes, values); });
  table.add("dev SRS", {{"axes", axes.to_string()}, {"threads", threads}},
            measure(repeats, [&] { return pst::Srs::dev(axes, 7); }));
  return {};
}

Result<int> run_commitments(const CommitmentOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  const Settings restored;
  const TemporaryFile file("srs");
  ASSAY_TRY(pst::Srs::write_dev(axes, 7, file.path()));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(file.path()));
  const tensor::IntegerArray values = random_integers(axes.volume(), options.bits);
  // What normal deviates look like as bf16: the upper halves of their floats.
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::int16_t> patterns(axes.volume());
  for (std::int16_t& each : patterns)
    each = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);

  BenchTable table(console);
  for (const unsigned thread_count : threads)
    ASSAY_TRY(bench_one_thread_count(options, srs, values.view(), patterns, thread_count, table));
  return table.report();
}

}  // namespace

void add_bench(Program& program) {
  program.add_group("bench",
                    "Time this machine at the library's work; `bench overhead` times capture with a model");

  const auto [msm_verb, msm] =
      program.add("bench msm", "Multi-scalar multiplication by size, width, kernel and threads",
                  "assay bench msm --log-sizes 16,20 --bits 16,40 --thread-counts 1,2 --json", run_msm);
  add_option(msm_verb, "--log-sizes A,B,..", msm.log_sizes, "sizes, as powers of two")->capture_default_str();
  add_option(msm_verb, "--bits A,B,..", msm.bits, "widths of the signed data")->capture_default_str();
  add_option(msm_verb, "--kernels A,B,..", msm.kernels,
             "kernels among portable, adx, ifma; else the one in use");
  add_repeats(msm_verb, msm);
  add_thread_counts(msm_verb, msm);

  const auto [pairing_verb, pairing] =
      program.add("bench pairing", "Pairings, decoding and multiples of the generator",
                  "assay bench pairing --json", run_pairing);
  add_repeats(pairing_verb, pairing);

  const auto [commitments_verb, commitments] =
      program.add("bench commitments", "SRS, commitment, opening, verification and interpolation",
                  "assay bench commitments --axes 6,6,6,6,6,6,6,6 --thread-counts 1,2", run_commitments);
  add_option(commitments_verb, "--axes A,B,..", commitments.axes, "shape of the tensor")
      ->capture_default_str();
  add_option(commitments_verb, "--bits", commitments.bits, "width of the signed data")
      ->capture_default_str()
      ->check(CLI::Range(1, 254));
  add_repeats(commitments_verb, commitments);
  add_thread_counts(commitments_verb, commitments);
  add_bench_schemes(program);
  add_bench_ceremony(program);
  add_bench_openings(program);
  add_bench_layers(program);
  add_bench_probe(program);
}

}  // namespace assay::cli
