#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "base/large_array.h"
#include "base/threads.h"
#include "base/try.h"
#include "integers/random_weights.h"
#include "kzg/basis_check.h"
#include "kzg/ptau_file.h"
#include "kzg/srs_file.h"
#include "kzg/srs_state.h"

namespace assay::kzg {
namespace {

using internal::kPointsTogether;
using internal::PtauFile;

std::size_t backwards(std::size_t i, unsigned bits) {
  std::size_t out = 0;
  for (unsigned k = 0; k < bits; ++k) out |= (i >> k & 1) << (bits - 1 - k);
  return out;
}

/// On the curve, and none at infinity.
Status check_points(std::span<const G1Affine> points, std::size_t first, std::string_view place) {
  std::size_t bad = curve::find_invalid_point(points);
  if (bad == points.size())
    bad = static_cast<std::size_t>(
        std::find_if(points.begin(), points.end(), [](const G1Affine& p) { return p.is_infinity(); }) -
        points.begin());
  if (bad == points.size()) return {};
  return Error{ErrorCode::kMalformed, fmt::format("{}: point {}", place, first + bad),
               "is not a point of the group other than infinity, in canonical form"};
}

/// e(sum_i rho_i [tau^(i+1)]_1, [1]_2) = e(sum_i rho_i [tau^i]_1, [tau]_2), for i + 1 < count and random rho.
Status check_powers(const PtauFile& ptau, std::size_t count, const G2Affine& tau, RandomWeights& random,
                    const std::string& place) {
  const std::string where = place + ": section 2";
  std::vector<G1Affine> points(std::min(count, kPointsTogether) + 1);
  std::vector<Scalar> weights(kPointsTogether);
  G1Affine lower = G1Affine::infinity(), upper = G1Affine::infinity();
  for (std::size_t first = 0; first + 1 < count; first += kPointsTogether) {
    const std::size_t pairs = std::min(kPointsTogether, count - 1 - first);
    const std::span<G1Affine> some = std::span(points).first(pairs + 1);
    internal::read_points(ptau.tau_g1, first, some);
    ASSAY_TRY(check_points(some, first, where));
    if (first == 0 && some[0] != G1Affine::generator())
      return Error{ErrorCode::kMalformed, where, "does not begin with the generator"};
    weights.resize(pairs);
    for (Scalar& weight : weights) weight = random.next();
    lower = curve::add(lower, curve::msm_vartime(some.first(pairs), IntegerView(weights)));
    upper = curve::add(upper, curve::msm_vartime(some.last(pairs), IntegerView(weights)));
  }
  const curve::PreparedG2 minus_one(curve::negate(G2Affine::generator())), prepared(tau);
  const std::array<curve::PairingTerm, 2> terms{{{upper, &minus_one}, {lower, &prepared}}};
  if (curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one()) return {};
  return Error{ErrorCode::kMalformed, where,
               "its points are not the powers of one secret, that of section 3"};
}

/// The Lagrange basis from the powers: with w^(-i j) in place of w^(i j), L_j = sum_i w^(-i j) P_i / n.
Result<LargeArray<G1Affine>> basis_of_powers(const PtauFile& ptau, const RootDomain& domain) {
  const std::size_t n = domain.size();
  std::optional<LargeArray<G1Affine>> points = LargeArray<G1Affine>::try_make(n);
  if (!points) return Error{ErrorCode::kTooLarge, "basis", fmt::format("{} points do not fit the memory", n)};
  internal::read_points(ptau.tau_g1, 0, points->span());
  std::reverse(points->data() + 1, points->data() + n);
  curve::evaluate_vartime(domain, points->span());
  curve::multiply_all_vartime(points->span(), std::vector<Fr>(n, Fr::from_u64(n).inverse()));
  return std::move(*points);
}

/// Hands out the basis block by block in the domain's order, and writes each block to a file as it does.
class BasisWriter {
 public:
  BasisWriter(const PtauFile& ptau, unsigned log_size, std::string place, AtomicFile& file)
      : ptau_(ptau), log_size_(log_size), place_(std::move(place)), file_(file) {}

  Status begin(const RootDomain& domain) {
    if (!ptau_.lagrange) computed_ = ASSAY_TRY(basis_of_powers(ptau_, domain));
    return {};
  }

  Result<std::span<const G1Affine>> next(std::size_t first, std::size_t count) {
    block_.resize(count);
    if (computed_) {
      std::copy_n(computed_->data() + first, count, block_.begin());
    } else {
      const ByteSpan natural = ptau_.basis(log_size_);
      for (std::size_t i = 0; i < count; ++i)
        internal::read_points(natural, backwards(first + i, log_size_), std::span(block_).subspan(i, 1));
    }
    ASSAY_TRY(check_points(block_, first, place_));
    const std::vector<Digest> digests = internal::digests_of(block_);
    digests_.insert(digests_.end(), digests.begin(), digests.end());
    ASSAY_TRY(file_.write(raw_bytes(block_)));
    return std::span<const G1Affine>(block_);
  }

  [[nodiscard]] const std::vector<Digest>& digests() const { return digests_; }

 private:
  const PtauFile& ptau_;
  unsigned log_size_;
  std::string place_;
  AtomicFile& file_;
  std::optional<LargeArray<G1Affine>> computed_;
  std::vector<G1Affine> block_;
  std::vector<Digest> digests_;
};

}  // namespace

Result<VerifierKey> import_ptau(const std::filesystem::path& ptau, unsigned log_size,
                                const std::filesystem::path& out, const World& world) {
  ASSAY_TRY(internal::check_log_size(log_size));
  const std::string place = ptau.string();
  const MappedFile input = ASSAY_TRY(MappedFile::open(ptau));
  const PtauFile parsed = ASSAY_TRY(internal::parse_ptau(input.bytes(), place));
  if (log_size > parsed.power)
    return Error{ErrorCode::kOutOfRange, place,
                 fmt::format("has the powers for 2^{} values at most, not 2^{}", parsed.power, log_size)};
  if (ASSAY_TRY(internal::read_g2(parsed.tau_g2, 0, place)) != G2Affine::generator())
    return Error{ErrorCode::kMalformed, place + ": section 3", "does not begin with the generator"};
  VerifierKey key{log_size, Origin::kPtau, 0, {}, {}};
  for (unsigned j = 0; j < log_size; ++j)
    key.powers.push_back(ASSAY_TRY(internal::read_g2(parsed.tau_g2, std::size_t{1} << j, place)));

  RandomWeights random = ASSAY_TRY(RandomWeights::create(world));
  const RootDomain domain(log_size);
  ASSAY_TRY(check_powers(parsed, domain.size(), key.powers[0], random, place));
  AtomicFile file = ASSAY_TRY(AtomicFile::create(out));
  // What lies before the basis is known last.
  ASSAY_TRY(file.write(Bytes(internal::srs_layout(log_size).basis_offset)));
  BasisWriter writer(parsed, log_size, place + ": section 12", file);
  ASSAY_TRY(writer.begin(domain));
  Progress progress("import powers", domain.size());
  const internal::BasisSums sums =
      ASSAY_TRY(internal::sum_basis(domain, random, [&](std::size_t first, std::size_t count) {
        progress.advance(count);
        return writer.next(first, count);
      }));
  const Verdict verdict = internal::check_sums(sums, key.powers);
  if (!verdict.ok()) return Error{ErrorCode::kMalformed, place, verdict.step() + ": " + verdict.reason()};
  key.published = internal::published_power(input.bytes(), parsed.power);
  key.basis_digest = internal::basis_digest(writer.digests());
  ASSAY_TRY(file.write_at(0, internal::encode_srs_head(key, writer.digests())));
  ASSAY_TRY(file.publish());
  return key;
}

}  // namespace assay::kzg
