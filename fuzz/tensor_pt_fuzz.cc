// A torch file. The first byte chooses between the bytes as a whole archive and the bytes as the pickle of
// one that has two storages, which gets past the zip without help.
#include <cstdlib>

#include "tensor/torch_tree.h"
#include "tensor/zip.h"

namespace {

void check(const assay::tensor::TensorFile& file) {
  using namespace assay::tensor;
  unsigned sum = 0;
  for (const TensorView& tensor : file.tensors) {
    const auto count = element_count(tensor.shape, tensor.name);
    if (!count || *count * size_of(tensor.dtype) != tensor.bytes.size()) std::abort();
    if (!tensor.bytes.empty()) sum += tensor.bytes.front() + tensor.bytes.back();
  }
  if (sum > 510 * file.tensors.size()) std::abort();
  if (file.layers().size() > file.tensors.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::tensor;
  if (size == 0) return 0;
  const assay::ByteSpan bytes{data + 1, size - 1};
  const Source source{bytes, {}, "fuzz"};
  if (data[0] % 2 == 0) {
    if (const auto file = parse_torch(source)) check(*file);
    return 0;
  }
  static const assay::Bytes kStorage(64, 1);
  const StorageRecords records = {{"0", assay::ByteSpan(kStorage)},
                                  {"1", assay::ByteSpan(kStorage).first(8)}};
  const PickleRules rules = torch_rules();
  const auto pickle = Pickle::parse(bytes, rules, "fuzz");
  if (!pickle) return 0;
  TensorFile file;
  if (read_torch_tree(source, *pickle, records, 1 << 16, file).ok()) check(file);
  return 0;
}
