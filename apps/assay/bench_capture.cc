#include "bench_capture.h"

#include <fmt/format.h>

#include <bit>
#include <memory>
#include <random>
#include <vector>

#include "assay/claim_schemes.h"
#include "base/threads.h"
#include "base/try.h"
#include "bench_flags.h"

namespace assay::cli {
namespace {

/// A tensor and what a scheme needs for it.
struct Scheme {
  claim::Scheme scheme;
  std::unique_ptr<claim::Committer> committer;
  std::unique_ptr<claim::Checker> checker;
  std::uint64_t setup_bytes = 0;  ///< of the SRS, and of the verifier's part
  std::uint64_t key_bytes = 0;
};

Result<std::vector<Scheme>> make_schemes(const encode::Layout& layout, const std::filesystem::path& tensor,
                                         const std::filesystem::path& vector) {
  std::vector<Scheme> schemes(3);
  ASSAY_TRY(pst::Srs::write_dev(layout.axes, 7, tensor));
  const pst::Srs of_tensor = ASSAY_TRY(pst::Srs::open(tensor));
  schemes[0] = {claim::Scheme::kTensor, std::make_unique<claim::TensorCommitter>(of_tensor),
                std::make_unique<claim::TensorChecker>(of_tensor), std::filesystem::file_size(tensor),
                of_tensor.verifier_key().encode().size()};
  const kzg::Srs made = ASSAY_TRY(kzg::Srs::dev(claim::KzgCommitter::log_size_of(layout), 7));
  ASSAY_TRY(made.write(vector));
  const kzg::Srs of_vector = ASSAY_TRY(kzg::Srs::open(vector));
  schemes[1] = {claim::Scheme::kKzg, std::make_unique<claim::KzgCommitter>(of_vector),
                std::make_unique<claim::KzgChecker>(of_vector), std::filesystem::file_size(vector),
                of_vector.verifier_key().encode().size()};
  schemes[2] = {claim::Scheme::kMerkle, std::make_unique<claim::MerkleCommitter>(),
                std::make_unique<claim::MerkleChecker>(), 0, 0};
  return schemes;
}

struct Asked {
  const char* what;
  claim::Query query;
};

Result<std::vector<Asked>> make_queries(const claim::Commitment& commitment) {
  const encode::Layout& layout = commitment.header.layout;
  std::vector<Asked> asked;
  asked.push_back({"an entry", claim::Query::on_grid(layout.axes.coordinates_of(layout.axes.volume() / 3))});
  asked.push_back({"a token of all layers", ASSAY_TRY(claim::query_of_slice(layout, {{}, {{1, 1}}, {}}))});
  asked.push_back({"a layer", ASSAY_TRY(claim::query_of_slice(layout, {"layer_1", {}, {}}))});
  const std::uint64_t count = std::min<std::uint64_t>(1000, layout.real_count);
  const claim::Challenge drawn = ASSAY_TRY(claim::Challenge::from_seed(commitment, count, 1));
  std::vector<std::vector<std::uint32_t>> entries;
  for (const claim::Query& query : drawn.queries) entries.push_back(query.grid);
  asked.push_back({"1,000 entries together", ASSAY_TRY(claim::query_of_set(layout.axes, entries))});
  return asked;
}

/// Decodes and verifies as a program does.
Status verify_bytes(ByteSpan commitment, ByteSpan proofs, const claim::Checker& checker) {
  const claim::Commitment claimed = ASSAY_TRY(claim::Commitment::decode(commitment, "commitment"));
  const claim::Proofs opened = ASSAY_TRY(claim::Proofs::decode(proofs, "proofs"));
  const Verdict verdict = claim::verify(claimed, opened, checker).verdict;
  if (verdict.ok()) return {};
  return Error{ErrorCode::kMismatch, "bench", verdict.step() + ": " + verdict.reason()};
}

Status bench_scheme(const Scheme& one, const claim::Header& header, const IntegerView& values,
                    const Repeats& repeats, unsigned threads, BenchTable& table) {
  const ThreadLimitScope scope(threads);
  const std::string name(claim::to_string(one.scheme));
  const Json parameters = {{"scheme", name}, {"axes", header.layout.axes.sizes()}, {"threads", threads}};
  table.add(
      "commit to a capture", parameters,
      ASSAY_TRY(measure_result(repeats, [&] { return claim::commit(*one.committer, header, values); })));
  table.annotate("srs_bytes", one.setup_bytes);
  table.annotate("vk_bytes", one.key_bytes);
  const claim::Commitment commitment = ASSAY_TRY(claim::commit(*one.committer, header, values));
  const Bytes claimed = commitment.encode();
  for (const Asked& asked : ASSAY_TRY(make_queries(commitment))) {
    const auto open = [&] { return claim::prove(*one.committer, commitment, values, {&asked.query, 1}); };
    table.add(fmt::format("open {}", asked.what), parameters, ASSAY_TRY(measure_result(repeats, open)));
    const claim::Proofs proofs = ASSAY_TRY(open());
    const Bytes bytes = proofs.encode();
    Status failure;
    const Timing timing = measure(repeats, [&] {
      if (const Status status = verify_bytes(claimed, bytes, *one.checker); !status) failure = status;
    });
    ASSAY_TRY(failure);
    table.add(fmt::format("verify {}, from bytes", asked.what), parameters, timing);
    table.annotate("file_bytes", bytes.size());
    table.annotate("evidence_bytes", proofs.evidence(0).size());
  }
  return {};
}

}  // namespace

Status bench_capture(const std::string& shape, const Repeats& repeats, std::span<const unsigned> threads,
                     BenchTable& table) {
  const std::vector<unsigned> sizes = ASSAY_TRY(parse_numbers(shape, 1, 65536, "--capture"));
  if (sizes.size() != 3 || sizes[0] < 2 || sizes[1] < 2)
    return Error{ErrorCode::kMalformed, "--capture", "two layers or more, two tokens or more, a width"};
  std::vector<encode::LayerShape> layers;
  for (unsigned i = 0; i < sizes[0]; ++i)
    layers.push_back({fmt::format("layer_{}", i), {sizes[1], sizes[2]}, ""});
  const encode::Layout layout = ASSAY_TRY(encode::plan_model(layers));
  const std::uint64_t row = layout.axes.volume(2);
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::int16_t> values(layout.axes.volume());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (i % row < sizes[2])
      values[i] = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);
  const claim::Header header{layout, {encode::Encoding::Kind::kBits, 0}, tensor::Dtype::kBF16};
  const TemporaryFile tensor("tensor.srs"), vector("vector.srs");
  const std::vector<Scheme> schemes = ASSAY_TRY(make_schemes(layout, tensor.path(), vector.path()));
  for (const unsigned count : threads)
    for (const Scheme& one : schemes) ASSAY_TRY(bench_scheme(one, header, values, repeats, count, table));
  return {};
}

}  // namespace assay::cli
