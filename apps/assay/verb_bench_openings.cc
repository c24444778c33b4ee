// `assay bench openings`: slices, sets of entries, and batches of claims.
#include <fmt/format.h>

#include <bit>
#include <numeric>
#include <optional>
#include <random>

#include "assay/verifier.h"
#include "base/threads.h"
#include "base/try.h"
#include "bench.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct OpeningsOptions : BenchOptions {
  std::string axes = "6,6,6,6,6,6,6,6";
  std::string capture = "31,28,576";
  unsigned entries = 1000;
  unsigned claims = 1000;
};

/// Decodes and verifies as a program does. Errors: kMismatch where that does not accept.
Status verify_bytes(ByteSpan commitment, ByteSpan proofs, const claim::TensorChecker& checker) {
  const claim::Commitment claimed = ASSAY_TRY(claim::Commitment::decode(commitment, "commitment"));
  const claim::Proofs opened = ASSAY_TRY(claim::Proofs::decode(proofs, "proofs"));
  const Verdict verdict = claim::verify(claimed, opened, checker).verdict;
  if (verdict.ok()) return {};
  return Error{ErrorCode::kMismatch, "bench", verdict.step() + ": " + verdict.reason()};
}

/// As measure_result, of what gives a Status.
template <class Run>
Result<Timing> measure_status(const Repeats& repeats, const Run& run) {
  Status failure;
  const Timing timing = measure(repeats, [&] {
    if (const Status status = run(); !status) failure = status;
  });
  ASSAY_TRY(failure);
  return timing;
}

std::vector<std::int16_t> normal_bf16(std::uint64_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::int16_t> patterns(count);
  for (std::int16_t& each : patterns)
    each = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);
  return patterns;
}

// --- a layer of a capture ---

Status bench_layer(const OpeningsOptions& options, std::span<const unsigned> threads, BenchTable& table) {
  const std::vector<unsigned> shape = ASSAY_TRY(parse_numbers(options.capture, 1, 65536, "--capture"));
  if (shape.size() != 3)
    return Error{ErrorCode::kMalformed, "--capture", "layers, tokens and width are expected"};
  std::vector<encode::LayerShape> layers;
  for (unsigned i = 0; i < shape[0]; ++i)
    layers.push_back({fmt::format("layer_{}", i), {shape[1], shape[2]}, ""});
  const encode::Layout layout = ASSAY_TRY(encode::plan_model(layers));
  const std::uint64_t row = layout.axes.volume(2);
  std::vector<std::int16_t> values = normal_bf16(layout.axes.volume());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (i % row >= shape[2]) values[i] = 0;
  const TemporaryFile file("srs");
  ASSAY_TRY(pst::Srs::write_dev(layout.axes, 7, file.path()));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(file.path()));
  const claim::Commitment commitment = ASSAY_TRY(
      claim::commit(srs, {layout, {encode::Encoding::Kind::kBits, 0}, tensor::Dtype::kBF16}, values));
  const claim::TensorChecker checker(srs);
  pst::KeptQuotients kept = ASSAY_TRY(claim::keep_first_axis(srs, commitment, values));
  const Bytes claimed = commitment.encode();
  for (const auto& [what, names] : {std::pair("layer", claim::SliceNames{"layer_1", {}, {}}),
                                    std::pair("token of a layer", claim::SliceNames{"layer_1", {{1, 1}}, {}}),
                                    std::pair("token of all layers", claim::SliceNames{{}, {{1, 1}}, {}})}) {
    const std::vector<claim::Query> query{ASSAY_TRY(claim::query_of_slice(layout, names))};
    const claim::Proofs proofs = ASSAY_TRY(claim::prove(srs, commitment, values, query));
    const Bytes bytes = proofs.encode();
    for (const unsigned count : threads) {
      const ThreadLimitScope scope(count);
      const Json parameters = {{"slice", what}, {"axes", layout.axes.sizes()}, {"threads", count}};
      table.add("prove a slice", parameters, ASSAY_TRY(measure_result(repeats_of(options), [&] {
                  return claim::prove(srs, commitment, values, query);
                })));
      table.add("prove a slice, first axis kept", parameters,
                ASSAY_TRY(measure_result(repeats_of(options), [&] {
                  return claim::prove(srs, commitment, values, query, &kept);
                })));
      table.add("verify a slice, from bytes", parameters, ASSAY_TRY(measure_status(repeats_of(options), [&] {
                  return verify_bytes(claimed, bytes, checker);
                })));
      table.annotate("file_bytes", bytes.size());
      table.annotate("point_bytes", proofs.evidence(0).size());
      table.annotate("value_bytes", 2 * proofs.value_count(0));
    }
  }
  return {};
}

// --- a set of entries ---

Status bench_set(const OpeningsOptions& options, const pst::Srs& srs, std::span<const unsigned> threads,
                 BenchTable& table) {
  const Axes& axes = srs.axes();
  const std::vector<std::int16_t> values = normal_bf16(axes.volume());
  const std::vector<encode::LayerShape> layers{{"array", {axes.sizes().begin(), axes.sizes().end()}, ""}};
  const encode::Layout layout = ASSAY_TRY(encode::plan_flat(layers));
  const claim::Commitment commitment = ASSAY_TRY(
      claim::commit(srs, {layout, {encode::Encoding::Kind::kBits, 0}, tensor::Dtype::kBF16}, values));
  const claim::Challenge drawn = ASSAY_TRY(claim::Challenge::from_seed(commitment, options.entries, 1));
  Selection entries{std::vector<std::uint32_t>(axes.count()), {}};
  std::iota(entries.fixed.begin(), entries.fixed.end(), 0U);
  for (const claim::Query& query : drawn.queries)
    entries.positions.push_back(static_cast<std::uint32_t>(ASSAY_TRY(axes.index_of(query.grid))));
  const std::vector<claim::Query> set{claim::Query::of_parts(entries, axes)};
  const claim::TensorChecker checker(srs);
  const Bytes claimed = commitment.encode();
  for (const auto& [what, queries] : {std::pair("as a set", &set), {"one by one", &drawn.queries}}) {
    const Bytes bytes = ASSAY_TRY(claim::prove(srs, commitment, values, *queries)).encode();
    for (const unsigned count : threads) {
      const ThreadLimitScope scope(count);
      table.add("verify entries, from bytes",
                {{"entries", options.entries}, {"how", what}, {"axes", axes.sizes()}, {"threads", count}},
                ASSAY_TRY(measure_status(repeats_of(options),
                                         [&] { return verify_bytes(claimed, bytes, checker); })),
                options.entries);
      table.annotate("bytes_per_entry", static_cast<double>(bytes.size()) / options.entries);
    }
  }
  return {};
}

// --- many claims ---

/// A commitment and an opening of it that holds, both as bytes: the quotients are any multiples a_i G, and
/// with known secrets C = (y + sum_i (t_i - z_i) a_i) G.
struct MadeUp {
  Bytes commitment, proofs;
};

Result<std::vector<MadeUp>> make_claims(const Axes& axes, std::span<const Fr> secrets, const Digest& setup,
                                        std::size_t count) {
  std::mt19937_64 random(5);
  const std::vector<encode::LayerShape> layers{{"array", {axes.sizes().begin(), axes.sizes().end()}, ""}};
  claim::Header header{ASSAY_TRY(encode::plan_flat(layers)), {}, tensor::Dtype::kI16};
  header.setup_digest = setup;
  std::vector<MadeUp> claims;
  for (std::size_t k = 0; k < count; ++k) {
    const auto value = static_cast<std::int16_t>(random());
    std::vector<Fr> multiples(axes.count() + 1, Fr::from_i64(value));
    std::vector<std::uint32_t> point;
    for (std::size_t i = 0; i < axes.count(); ++i) {
      point.push_back(static_cast<std::uint32_t>(random() % axes[i]));
      multiples[i] = Fr::from_u64(random()) * Fr::from_u64(random());
      multiples.back() += (secrets[i] - Fr::from_u64(point[i])) * multiples[i];
    }
    std::vector<G1Affine> points(multiples.size());
    curve::multiply_generator_vartime(multiples, points);
    const claim::Commitment commitment{header, curve::encode(points.back())};
    claim::Answer answer{Fr::from_i64(value), {}, {}};
    for (std::size_t i = 0; i < axes.count(); ++i) {
      const auto encoded = curve::encode(points[i]);
      answer.evidence.insert(answer.evidence.end(), encoded.begin(), encoded.end());
    }
    claim::Proofs proofs(commitment.digest(), static_cast<std::uint32_t>(axes.count()));
    proofs.add(claim::Query::on_grid(point), answer);
    claims.push_back({commitment.encode(), proofs.encode()});
  }
  return claims;
}

/// The numbers of the claims that are not accepted.
Result<std::vector<std::size_t>> judge(const std::vector<MadeUp>& made, const claim::TensorChecker& checker) {
  std::vector<std::optional<claim::Commitment>> commitments(made.size());
  std::vector<claim::Proofs> proofs(made.size());
  std::vector<claim::Claim> claims(made.size());
  parallel_for(0, made.size(), 16, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      commitments[i] = claim::Commitment::decode(made[i].commitment, "commitment").value();
      proofs[i] = claim::Proofs::decode(made[i].proofs, "proofs").value();
      claims[i] = {&*commitments[i], &proofs[i], {}};
    }
  });
  const std::vector<claim::Verification> found = claim::verify_all(claims, checker);
  std::vector<std::size_t> bad;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i].verdict.ok()) bad.push_back(i);
  return bad;
}

Status bench_claims(const OpeningsOptions& options, const Axes& axes, std::span<const Fr> secrets,
                    const claim::TensorChecker& checker, std::span<const unsigned> threads,
                    BenchTable& table) {
  const std::vector<MadeUp> good =
      ASSAY_TRY(make_claims(axes, secrets, checker.key().digest(), options.claims));
  std::vector<MadeUp> bad = good;
  const std::vector<std::size_t> changed{options.claims / 7, options.claims / 2, options.claims - 1};
  for (const std::size_t k : changed) {
    claim::Proofs proofs = ASSAY_TRY(claim::Proofs::decode(bad[k].proofs, "proofs"));
    claim::Proof proof = proofs[0];
    proof.answer.value +=
        proof.answer.value == Fr::from_i64(7) ? -Fr::one() : Fr::from_i64(7) - proof.answer.value;
    bad[k].proofs = claim::Proofs(proofs.commitment_digest, proofs.axis_count, {&proof, 1}).encode();
  }
  for (const unsigned count : threads) {
    const ThreadLimitScope scope(count);
    struct Case {
      const char* what;
      const std::vector<MadeUp>* claims;
      std::vector<std::size_t> expected;
    };
    for (const Case& one : {Case{"all good", &good, {}}, Case{"three bad ones", &bad, changed}}) {
      const auto run = [&]() -> Status {
        if (ASSAY_TRY(judge(*one.claims, checker)) == one.expected) return {};
        return Error{ErrorCode::kMismatch, "bench", "other claims were named than were changed"};
      };
      const Timing timing = ASSAY_TRY(measure_status(repeats_of(options), run));
      table.add("verify claims, from bytes",
                {{"claims", options.claims}, {"which", one.what}, {"axes", axes.sizes()}, {"threads", count}},
                timing, options.claims);
    }
  }
  return {};
}

Result<int> run_openings(const OpeningsOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  if (options.claims < 3) return Error{ErrorCode::kOutOfRange, "--claims", "3 at least"};
  std::mt19937_64 random(3);
  std::vector<Fr> secrets;
  for (std::size_t i = 0; i < axes.count(); ++i)
    secrets.push_back(Fr::from_u64(random()) * Fr::from_u64(random()) * Fr::from_u64(random()));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::from_secrets(axes, secrets));
  BenchTable table(console);
  ASSAY_TRY(bench_layer(options, threads, table));
  ASSAY_TRY(bench_set(options, srs, threads, table));
  ASSAY_TRY(bench_claims(options, axes, secrets, claim::TensorChecker(srs.verifier_key()), threads, table));
  return table.report();
}

}  // namespace

void add_bench_openings(Program& program) {
  const auto [verb, options] =
      program.add("bench openings", "Slices, sets of entries, and batches of commitments with their proofs",
                  "assay bench openings --thread-counts 1,2 --json", run_openings);
  add_option(verb, "--axes A,B,..", options.axes, "shape of the tensor of entries and claims")
      ->capture_default_str();
  add_option(verb, "--capture L,T,H", options.capture, "layers, tokens and width of the capture of slices")
      ->capture_default_str();
  add_option(verb, "--entries N", options.entries, "random entries of one tensor")->capture_default_str();
  add_option(verb, "--claims N", options.claims, "commitments with a proof each")->capture_default_str();
  add_repeats(verb, options);
  add_thread_counts(verb, options);
}

}  // namespace assay::cli
