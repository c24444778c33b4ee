// A file of proofs against a fixed commitment: only true openings are ever accepted. The fixed tensor has the
// axes 3,4, the dev SRS of seed 7 and the plain integers 5, 42, 79, ..; a point off the grid may be opened to
// what it truly is, by whoever knows that dev seed.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "assay/verifier.h"

namespace {

namespace claim = assay::claim;

struct Fixed {
  std::vector<std::int64_t> values;
  claim::Commitment commitment;
  claim::TensorChecker checker;

  static Fixed make() {
    const std::vector<assay::encode::LayerShape> shapes{{"array", {3, 4}, ""}};
    const auto layout = assay::encode::plan_flat(shapes).value();
    const auto srs = assay::pst::Srs::dev(layout.axes, 7).value();
    std::vector<std::int64_t> values;
    for (int i = 0; i < 12; ++i) values.push_back(5 + 37 * i);
    auto commitment = claim::commit(srs, {layout, {}, {}, claim::CaptureMode::kDecode}, values).value();
    return {values, std::move(commitment), claim::TensorChecker(srs)};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixed fixed = Fixed::make();
  const auto proofs = claim::Proofs::decode({data, size}, "fuzz");
  if (!proofs.ok() || proofs->size() > 8) return 0;  // more only take longer
  const claim::Captured own{assay::tensor::IntegerArray::borrow(fixed.values, nullptr), {}};
  claim::VerifyOptions options;
  options.captured = &own;
  if (claim::verify(fixed.commitment, *proofs, fixed.checker, options).verdict.step() == "captured values")
    std::abort();
  return 0;
}
