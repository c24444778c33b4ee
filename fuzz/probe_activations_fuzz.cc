// Reads rows of activations and an unembedding, in their own formats and as JSON: what is taken has whole
// rows of finite values, and is read exactly.
#include <cmath>
#include <memory>

#include "base/check.h"
#include "probe/sources.h"

namespace {

using namespace assay;
using namespace assay::probe;

void read(const tensor::Source& source) {
  const Result<Activations> found = probe::internal::parse_activations(source);
  if (!found.ok()) return;
  for (const LayerRows& layer : found->layers) {
    ASSAY_CHECK_EQ(layer.values.size(), found->positions.size() * found->width);
    const std::vector<double> ones(found->width, 1);
    const Reader reader{ones, 0.5};
    ASSAY_CHECK(read_rows(layer.values, found->width, {&reader, 1}).ok(), layer.layer);
    ASSAY_CHECK(mean_row(layer.values, found->width).ok(), layer.layer);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes(data, size);
  read({bytes, nullptr, "fuzz"});
  const Result<Unembedding> unembedding = probe::internal::parse_unembedding({bytes, nullptr, "fuzz"});
  if (unembedding.ok())
    ASSAY_CHECK_EQ(unembedding->values.size(), unembedding->tokens * unembedding->width * sizeof(float));
  return 0;
}
