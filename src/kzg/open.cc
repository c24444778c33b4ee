#include <fmt/format.h>

#include "assay/kzg.h"
#include "base/try.h"
#include "kzg/polynomial.h"

namespace assay::kzg {

namespace {

Error too_many(const Srs& srs, IntegerView values) {
  return {ErrorCode::kMismatch, "values",
          fmt::format("{} where the SRS takes {}", values.size(), srs.size())};
}

}  // namespace

Result<G1Affine> commit(const Srs& srs, IntegerView values) {
  if (values.size() > srs.size()) return too_many(srs, values);
  return curve::msm_vartime(srs.basis().first(values.size()), values);
}

Fr node_of(unsigned log_size, std::uint64_t index) {
  // Bit j of a place turns by the root of order 2^(j + 1).
  Fr node = Fr::one(), turn = RootDomain::root(log_size);
  for (unsigned bit = log_size; bit-- > 0; turn *= turn)
    if ((index >> bit & 1) != 0) node *= turn;
  return node;
}

Result<Opening> open(const Srs& srs, IntegerView values, std::uint64_t index) {
  if (index >= srs.size())
    return Error{ErrorCode::kOutOfRange, "index", fmt::format("{} is not below {}", index, srs.size())};
  if (values.element_size() > sizeof(std::int32_t))
    return open_at(srs, values, node_of(srs.log_size(), index));
  if (values.size() > srs.size()) return too_many(srs, values);
  const Fr value = index < values.size() ? Fr::from_scalar(values[index]) : Fr::zero();
  const std::vector<Scalar> quotient =
      ASSAY_TRY(internal::divide_at(RootDomain(srs.log_size()), values, index));
  return Opening{value, curve::msm_vartime(srs.basis(), IntegerView(quotient))};
}

Result<Opening> open_at(const Srs& srs, IntegerView values, const Fr& point) {
  const RootDomain domain(srs.log_size());
  const std::vector<Fr> elements = ASSAY_TRY(internal::on_domain(domain, values));
  const internal::Quotient quotient = ASSAY_TRY(internal::divide(domain, elements, point));
  return Opening{quotient.value, curve::msm_vartime(srs.basis(), quotient.values)};
}

}  // namespace assay::kzg
