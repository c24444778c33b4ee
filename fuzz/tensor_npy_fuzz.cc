// Any bytes as an .npy file, numeric or of pickled integers: refused, or read with the count that its shape
// says; integers written back as Python integers read the same.
#include <cstdlib>

#include "tensor/object_array.h"
#include "tensor/source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::tensor;
  const Source source{{data, size}, {}, "fuzz"};
  const auto rows = parse_npy_integers(source, true);
  if (rows && element_count(rows->shape, "fuzz").value() != rows->values.size()) std::abort();
  const auto tensor = parse_npy_integers(source, false);
  if (!tensor) return 0;
  if (element_count(tensor->shape, "fuzz").value() != tensor->values.size()) std::abort();
  assay::Bytes pickle;
  const auto written = write_object_array(tensor->values.view(), tensor->shape, [&](assay::ByteSpan piece) {
    pickle.insert(pickle.end(), piece.begin(), piece.end());
    return assay::Status();
  });
  if (!written) std::abort();
  const auto again = parse_object_array(pickle, tensor->shape, "fuzz");
  if (!again || again->size() != tensor->values.size()) std::abort();
  for (std::size_t i = 0; i < again->size(); ++i) {
    if (again->view()[i] != tensor->values.view()[i]) std::abort();
  }
  return 0;
}
