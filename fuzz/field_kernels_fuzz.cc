// Every backend against the portable one, on arbitrary limbs.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace {

using assay::field::Limbs;

template <class P>
void compare([[maybe_unused]] const Limbs& a, [[maybe_unused]] const Limbs& b) {
#if defined(__x86_64__)
  static const bool has_adx = assay::available_kernels().size() > 1;
  if (!has_adx) return;
  using Portable = assay::field::Element<P, assay::field::PortableBackend>;
  using Adx = assay::field::Element<P, assay::field::AdxBackend>;
  const Portable x = Portable::from_integer(a), y = Portable::from_integer(b);
  const Adx u = Adx::from_integer(a), v = Adx::from_integer(b);
  if (x.limbs() != u.limbs() || (x * y).limbs() != (u * v).limbs() || (x + y).limbs() != (u + v).limbs() ||
      (x - y).limbs() != (u - v).limbs() || x.to_integer() != u.to_integer()) {
    std::abort();
  }
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 64) return 0;
  Limbs a, b;
  std::memcpy(a.data(), data, 32);
  std::memcpy(b.data(), data + 32, 32);
  compare<assay::field::FpParameters>(a, b);
  compare<assay::field::FrParameters>(a, b);
  return 0;
}
