// A file of proofs against fixed commitments by the schemes kzg and merkle, behind a byte that says which:
// only true openings are ever accepted. The fixed tensor has a model layout of two layers, three tokens and
// rows of 17 values, patterns of bf16 that count up; the dev SRS is for 2^8 values and has the seed 7.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "assay/claim_schemes.h"

namespace {

namespace claim = assay::claim;

struct Fixed {
  assay::tensor::IntegerArray values;
  claim::Commitment commitment;
  std::unique_ptr<claim::Checker> checker;
};

Fixed make(const claim::Committer& committer, std::unique_ptr<claim::Checker> checker) {
  const std::vector<assay::encode::LayerShape> shapes{{"layer_0", {3, 17}, ""}, {"layer_1", {3, 17}, ""}};
  const auto layout = assay::encode::plan_model(shapes).value();
  std::vector<assay::tensor::IntegerTensor> layers;
  for (std::int16_t i = 0; i < 2; ++i) {
    std::vector<std::int16_t> values;
    for (std::int16_t k = 0; k < 51; ++k) values.push_back(static_cast<std::int16_t>(16256 + 100 * i + k));
    layers.push_back({shapes[static_cast<std::size_t>(i)].name,
                      {3, 17},
                      assay::tensor::IntegerArray::own(std::move(values)),
                      ""});
  }
  auto values = assay::encode::apply_layout(layout, layers).value();
  auto commitment = claim::commit(committer,
                                  {layout,
                                   {assay::encode::Encoding::Kind::kBits, 0},
                                   assay::tensor::Dtype::kBF16,
                                   claim::CaptureMode::kDecode},
                                  values.view())
                        .value();
  return {std::move(values), std::move(commitment), std::move(checker)};
}

std::array<Fixed, 2> make_both() {
  const auto srs = assay::kzg::Srs::dev(8, 7).value();
  return {make(claim::KzgCommitter(srs), std::make_unique<claim::KzgChecker>(srs)),
          make(claim::MerkleCommitter(), std::make_unique<claim::MerkleChecker>())};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Fixed, 2> both = make_both();
  if (size == 0) return 0;
  const Fixed& fixed = both[data[0] % 2];
  const auto proofs = claim::Proofs::decode({data + 1, size - 1}, "fuzz");
  if (!proofs.ok() || proofs->size() > 8) return 0;  // more only take longer
  const claim::Captured own{fixed.values, {}};
  claim::VerifyOptions options;
  options.captured = &own;
  const auto found = claim::verify(fixed.commitment, *proofs, *fixed.checker, options);
  if (found.verdict.step() == "captured values") std::abort();
  return 0;
}
