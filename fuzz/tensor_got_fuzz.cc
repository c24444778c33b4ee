// Any bytes as a .gotact or a .gotue file: refused, or read into finite values whose sizes add up to the
// file.
#include <cmath>
#include <cstdlib>

#include "tensor/load.h"
#include "tensor/source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::tensor;
  for (const auto parse : {parse_gotact, parse_gotue}) {
    const auto file = parse(Source{{data, size}, {}, "fuzz"});
    if (!file) continue;
    std::uint64_t positions = 0;
    std::uint64_t values = 0;
    for (const TensorView& tensor : file->tensors) {
      const auto count = element_count(tensor.shape, tensor.name);
      if (!count || *count * sizeof(float) != tensor.bytes.size()) std::abort();
      for (std::size_t at = 0; at < tensor.bytes.size(); at += sizeof(float))
        if (!std::isfinite(load_at<float>(tensor.bytes, at))) std::abort();
      positions += tensor.shape[0];
      values += tensor.bytes.size();
    }
    const std::uint64_t header =
        file->container == Container::kGotact
            ? 23 + file->metadata_value("model_name").size() + 4 * (file->tensors.size() + positions)
            : 14;
    if (header + values != size) std::abort();
  }
  return 0;
}
