// One float and one scale: the fast path of decimal must agree with the general one wherever it answers.
#include <cstdlib>
#include <cstring>

#include "encode/decimal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::encode;
  using assay::tensor::Dtype;
  if (size != 10) return 0;
  constexpr Dtype kTypes[] = {Dtype::kF16, Dtype::kBF16, Dtype::kF32, Dtype::kF64};
  const FloatFormat format = format_of(kTypes[data[0] % 4]);
  const std::uint32_t scale = data[1] % (Encoding::kMaxScale + 1);
  std::uint64_t bits = 0;
  std::memcpy(&bits, data + 2, 8);
  bits &= format.magnitude_mask() << 1 | 1;
  if (!format.is_finite(bits)) return 0;
  const DecimalScale decimal(scale);
  const FloatParts parts = format.split(bits);
  unsigned __int128 fast = 0;
  if (!decimal.fast(parts, fast)) return 0;
  const auto general = decimal.general(parts);
  const DecimalScale::Magnitude expected = {static_cast<std::uint64_t>(fast),
                                            static_cast<std::uint64_t>(fast >> 64), 0, 0};
  if (!general || *general != expected) std::abort();
  return 0;
}
