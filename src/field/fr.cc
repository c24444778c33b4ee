#include <array>

#include "assay/field.h"
#include "base/check.h"
#include "base/random.h"
#include "base/try.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace assay {
namespace {

// Single operations on Fr serve protocol code around the kernels; they are not worth a dispatch.
using E = field::Element<field::FrParameters, field::PortableBackend>;

E load(const Fr& a) { return E(a.limbs); }
Fr store(const E& a) { return Fr{a.limbs()}; }

}  // namespace

Fr Fr::one() { return store(E::one()); }

Fr Fr::from_scalar(const Scalar& scalar) { return store(E::from_integer(scalar.words)); }

Fr Fr::from_bytes_reduced(ByteSpan little_endian) {
  ASSAY_CHECK_LE(little_endian.size(), 64);
  std::array<field::Limbs, 2> halves{};
  for (std::size_t i = 0; i < little_endian.size(); ++i) {
    halves[i / 32][i % 32 / 8] |= std::uint64_t{little_endian[i]} << (i % 8 * 8);
  }
  // high * 2^256 + low; R^2 in Montgomery form is the number 2^256.
  const E two_to_256(field::FrParameters::kRSquared);
  return store(E::from_integer(halves[1]) * two_to_256 + E::from_integer(halves[0]));
}

Result<Fr> Fr::random() {
  std::array<std::uint8_t, 64> bytes{};
  ASSAY_TRY(fill_random(bytes));
  return from_bytes_reduced(bytes);
}

Scalar Fr::to_scalar() const { return Scalar{load(*this).to_integer()}; }

Fr Fr::inverse() const { return store(load(*this).inverse()); }

Fr operator+(const Fr& a, const Fr& b) { return store(load(a) + load(b)); }
Fr operator-(const Fr& a, const Fr& b) { return store(load(a) - load(b)); }
Fr operator-(const Fr& a) { return store(-load(a)); }
Fr operator*(const Fr& a, const Fr& b) { return store(load(a) * load(b)); }

}  // namespace assay
