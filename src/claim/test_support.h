// For the room's tests: small commitments of each layout, and verification from bytes as a program does it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "assay/verifier.h"

namespace assay::claim::test {

inline Axes axes_of(std::vector<std::uint64_t> sizes) { return Axes::from(sizes, "test").value(); }

/// A tensor with everything that prover and verifier have of it.
struct Sample {
  std::string name;
  pst::Srs srs;
  tensor::IntegerArray values;
  Commitment commitment;
  TensorChecker checker;
  std::vector<Query> asked;  // a few points, of padding too where there is any
  Proofs proofs;
};

inline Sample make_sample(std::string name, const encode::Layout& layout, encode::Encoding encoding,
                          std::optional<tensor::Dtype> dtype,
                          const std::vector<tensor::IntegerTensor>& layers,
                          const std::vector<std::uint64_t>& asked, std::uint64_t srs_seed = 7) {
  pst::Srs srs = pst::Srs::dev(layout.axes, srs_seed).value();
  tensor::IntegerArray values = encode::apply_layout(layout, layers).value();
  Commitment commitment =
      commit(srs, {layout, encoding, dtype, CaptureMode::kDecode, {}}, values.view()).value();
  std::vector<Query> queries;
  for (const std::uint64_t index : asked)
    queries.push_back(Query::on_grid(layout.axes.coordinates_of(index)));
  Proofs proofs = prove(srs, commitment, values.view(), queries).value();
  return {std::move(name),  srs, values, std::move(commitment), TensorChecker(srs.verifier_key()), queries,
          std::move(proofs)};
}

inline tensor::IntegerTensor layer_of(std::string name, tensor::Shape shape, std::int16_t first,
                                      std::string tap = "") {
  std::vector<std::int16_t> values(tensor::element_count(shape, "test").value());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int16_t>(first + 37 * static_cast<int>(i));
  return {std::move(name), std::move(shape), tensor::IntegerArray::own(std::move(values)), std::move(tap)};
}

/// The proofs with their list changed.
template <class F>
Proofs edited(const Proofs& proofs, const F& change) {
  std::vector<Proof> list;
  for (std::size_t k = 0; k < proofs.size(); ++k) list.push_back(proofs[k]);
  change(list);
  return {proofs.commitment_digest, proofs.axis_count, list};
}

inline Verdict verdict_of(const Commitment& commitment, const Proofs& proofs, const Checker& checker,
                          const VerifyOptions& options = {}) {
  return verify(commitment, proofs, checker, options).verdict;
}

/// What shows an opening under the scheme `tensor`.
inline Answer answer_of(const pst::Opening& opening) {
  Answer answer{opening.value, {}};
  for (const G1Affine& quotient : opening.quotients) {
    const auto encoded = curve::encode(quotient);
    answer.evidence.insert(answer.evidence.end(), encoded.begin(), encoded.end());
  }
  return answer;
}

inline G1Affine point_of(const Commitment& commitment) {
  return curve::decode_g1(commitment.value, "").value();
}

/// Axes 3,4, plain integers without a dtype; values 5, 42, 79, ..
inline Sample flat_sample() {
  const std::vector<tensor::IntegerTensor> layers{layer_of("array", {3, 4}, 5)};
  return make_sample("flat", encode::plan_flat(encode::shapes_of(layers)).value(), {}, std::nullopt, layers,
                     {0, 7});
}

/// Axes 2,2,2,2: eleven values of two layers and five repeated ones.
inline Sample cube_sample() {
  const std::vector<tensor::IntegerTensor> layers{layer_of("layer_0", {2, 3}, -100, "block:0"),
                                                  layer_of("layer_1", {5}, 11)};
  encode::CubeOptions options;
  options.min_dim = 2;
  options.max_dim = 2;
  return make_sample("cube", encode::plan_cube(encode::shapes_of(layers), options).value(), {},
                     tensor::Dtype::kI16, layers, {13});
}

/// Axes 2,2,6,3: two layers, two tokens, 17 values a row and one zero; bits of bf16.
inline Sample model_sample() {
  const std::vector<tensor::IntegerTensor> layers{layer_of("layer_0", {1, 2, 17}, 16256, "block:0"),
                                                  layer_of("layer_1", {1, 2, 17}, -17000, "block:1")};
  return make_sample("model", encode::plan_model(encode::shapes_of(layers)).value(),
                     {encode::Encoding::Kind::kBits, 0}, tensor::Dtype::kBF16, layers, {17});
}

/// What became of files: a file was refused, or verify() spoke.
enum class Fate { kRefused, kRejected, kInconclusive, kAccepted };

inline Fate fate_of(const Verdict& verdict) {
  switch (verdict.outcome()) {
    case Outcome::kAccepted:
      return Fate::kAccepted;
    case Outcome::kRejected:
      return Fate::kRejected;
    case Outcome::kInconclusive:
      break;
  }
  return Fate::kInconclusive;
}

/// The way of a program: commitment and proofs from bytes, then verify().
inline Fate judge(ByteSpan commitment, ByteSpan proofs, const Checker& checker,
                  const VerifyOptions& options = {}) {
  const Result<Commitment> claimed = Commitment::decode(commitment, "commitment");
  if (!claimed) return Fate::kRefused;
  const Result<Proofs> opened = Proofs::decode(proofs, "proofs");
  if (!opened) return Fate::kRefused;
  return fate_of(verify(*claimed, *opened, checker, options).verdict);
}

inline std::string figure(const Verdict& verdict, std::string_view name) {
  const Figure* found = verdict.figure(name);
  return found == nullptr ? "(none)" : found->to_string();
}

inline bool has_note(const Verdict& verdict, std::string_view part) {
  for (const std::string& note : verdict.notes())
    if (note.find(part) != std::string::npos) return true;
  return false;
}

inline bool assumes(const Verdict& verdict, std::string_view part) {
  for (const std::string& text : verdict.assumptions())
    if (text.find(part) != std::string::npos) return true;
  return false;
}

/// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() / ("assay_claim_" + std::string(info->test_suite_name()) +
                                                      "_" + info->name() + "_" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace assay::claim::test
