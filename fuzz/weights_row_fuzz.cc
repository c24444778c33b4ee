// The opening of a row from any bytes: refused, or written as the same bytes. What verifies against the root
// of an honest model are the model's own bytes.
#include <algorithm>

#include "assay/weights_manifest.h"
#include "base/check.h"

namespace {

using namespace assay;

struct Model {
  std::vector<tensor::StoredTensor> tensors;
  weights::Manifest manifest;
};

const Model& model() {
  static const Bytes bytes = {1, 2, 3, 4, 5, 6};
  static const std::vector<tensor::StoredTensor> tensors = {{"a", "U8", {3, 2}, bytes, nullptr},
                                                            {"b", "BF16", {3}, bytes, nullptr},
                                                            {"c", "U8", {}, {bytes.data(), 1}, nullptr}};
  static const Model made{tensors, weights::Manifest::of(tensors).value()};
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes(data, size);
  const Result<weights::RowOpening> opening = weights::RowOpening::decode(bytes, "fuzz");
  if (!opening.ok()) {
    ASSAY_CHECK(opening.error().place.starts_with("fuzz"), opening.error().place);
    return 0;
  }
  ASSAY_CHECK(std::ranges::equal(opening->encode(), bytes), to_hex(opening->encode()));
  if (!weights::verify_row(*opening, model().manifest.root(), {}).ok()) return 0;
  const auto& tensors = model().tensors;
  const auto found = std::ranges::find(tensors, opening->tensor.name, &tensor::StoredTensor::name);
  ASSAY_CHECK(found != tensors.end(), opening->tensor.name);
  const weights::RowOpening honest = weights::open_row(model().manifest, *found, opening->row).value();
  ASSAY_CHECK(std::ranges::equal(opening->values(), honest.values()), opening->row);
  return 0;
}
