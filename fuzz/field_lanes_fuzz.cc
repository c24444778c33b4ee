// The eight lanes of AVX-512 IFMA against the portable backend: eight pairs of arbitrary values within the
// bounds.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "field/lanes_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <algorithm>

#include "assay/field.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace {

using assay::field::Limbs;
namespace ifma = assay::field::ifma;
constexpr std::size_t kLanes = ifma::kLanes;
using Eight = std::array<Limbs, kLanes>;

ASSAY_TARGET_IFMA_BEGIN

template <class P, int kBound>
ifma::Tight<P, kBound> pack(const Eight& values) {
  alignas(64) std::array<std::array<std::uint64_t, kLanes>, 4> columns;
  __m512i words[4];
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) columns[i][lane] = values[lane][i];
    words[i] = _mm512_load_si512(columns[i].data());
  }
  return ifma::from_words<P, kBound>(words);
}

template <class P, int kBound>
Eight unpack(const ifma::Tight<P, kBound>& value) {
  __m512i words[4];
  ifma::to_words(value, words);
  Eight out;
  alignas(64) std::array<std::uint64_t, kLanes> column;
  for (std::size_t i = 0; i < 4; ++i) {
    _mm512_store_si512(column.data(), words[i]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) out[lane][i] = column[lane];
  }
  return out;
}

struct Results {
  Eight product, square, difference, scaled, canonical;
};

template <class P>
Results compute(const Eight& a, const Eight& b) {
  const auto x = pack<P, ifma::kReduced>(a);
  const auto y = pack<P, ifma::kReduced>(b);
  return {unpack((x * y).carried()), unpack(squared(x).carried()), unpack((x - y).reduced()),
          unpack((x * y).times_four().reduced()), unpack(canonical(x))};
}

ASSAY_TARGET_IFMA_END

void demand(bool holds) {
  if (!holds) std::abort();
}

template <class P>
void compare(Eight a, Eight b) {
  using E = assay::field::Element<P, assay::field::PortableBackend>;
  // 37/16 of the modulus is what the lanes are given; cutting the top word keeps below it.
  constexpr std::uint64_t kTop = (P::kModulus[3] >> 4) * ifma::kReduced;
  for (Eight* values : {&a, &b}) {
    for (Limbs& value : *values) value[3] %= kTop;
  }
  const Results got = compute<P>(a, b);
  static const E by_r = [] {
    E out = E::one();
    for (int i = 0; i < 260; ++i) out += out;
    return out.inverse();
  }();
  for (std::size_t i = 0; i < kLanes; ++i) {
    const E x = E::from_integer(a[i]), y = E::from_integer(b[i]);
    demand(E::from_integer(got.product[i]) == x * y * by_r);
    demand(E::from_integer(got.square[i]) == x * x * by_r);
    demand(E::from_integer(got.difference[i]) == x - y);
    demand(E::from_integer(got.scaled[i]) == (x * y * by_r).doubled().doubled());
    demand(got.canonical[i] == x.to_integer());
  }
}

}  // namespace
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
#if defined(ASSAY_HAS_IFMA)
  static const bool runs_here = [] {
    const auto kernels = assay::available_kernels();
    return std::find(kernels.begin(), kernels.end(), "ifma") != kernels.end();
  }();
  if (!runs_here || size < 64) return 0;
  // The input over and over, each time from another byte on.
  Eight a, b;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t byte = 0; byte < 32; ++byte) {
      reinterpret_cast<std::uint8_t*>(a[lane].data())[byte] = data[(lane * 8 + byte) % size];
      reinterpret_cast<std::uint8_t*>(b[lane].data())[byte] = data[(lane * 8 + byte + 32) % size];
    }
  }
  compare<assay::field::FpParameters>(a, b);
  compare<assay::field::FrParameters>(a, b);
#else
  static_cast<void>(data);
  static_cast<void>(size);
#endif
  return 0;
}
