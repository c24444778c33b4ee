// Any bytes as a safetensors file: refused, or read into tensors that cover the data exactly once.
#include <cstdlib>

#include "assay/encode.h"
#include "tensor/source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::tensor;
  const auto file = parse_safetensors(Source{{data, size}, {}, "fuzz"});
  if (!file) return 0;
  std::uint64_t total = 0;
  for (const TensorView& tensor : file->tensors) {
    const auto count = element_count(tensor.shape, tensor.name);
    if (!count || *count * size_of(tensor.dtype) != tensor.bytes.size()) std::abort();
    total += tensor.bytes.size();
    const auto kind = is_float(tensor.dtype) ? assay::encode::Encoding::Kind::kDecimal
                                             : assay::encode::Encoding::Kind::kInt;
    const auto integers = assay::encode::encode(tensor, {kind, 0});
    if (integers.ok() && integers->size() != *count) std::abort();
  }
  std::uint64_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header << 8 | data[i];
  if (8 + header + total != size) std::abort();
  return 0;
}
