// Openings of aligned blocks. A block B of k values is a coset of the roots of order k: its nodes are those
// of X^k - c_B. With f_B the polynomial that takes the block's values on it and zero at all other nodes,
//
//   pi_B = [q(tau)]_1,  q = (f - f_B) / (X^k - c_B),
//   q(x_i) = v_i / (c_A - c_B)                               in another block A,
//   q(x_i) = (x_i f'(x_i) - x_i f_B'(x_i)) / (k c_B)         in B (L'Hopital).
//
// So the other blocks come in as their commitments C_A = sum_{i in A} v_i L_i, of which the scalars are
// small, and one multiplication each.
#include <fmt/format.h>

#include <algorithm>

#include "assay/kzg.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "kzg/polynomial.h"

namespace assay::kzg {
namespace {

/// Blocks from this size on: commitments of smaller ones cost more than multiplying each of their points.
constexpr unsigned kLogBlockToSum = 9;

Status check_block(const Srs& srs, IntegerView values, unsigned log_block, std::uint64_t block) {
  if (values.size() > srs.size())
    return Error{ErrorCode::kMismatch, "values",
                 fmt::format("{} where the SRS takes {}", values.size(), srs.size())};
  if (log_block > srs.log_size() || block >= srs.size() >> log_block)
    return Error{ErrorCode::kOutOfRange, "block",
                 fmt::format("2^{} values have no block {} of 2^{}", srs.log_size(), block, log_block)};
  return {};
}

/// x f_B'(x) at the nodes of one block from its values: y A'(y) + (n - k) / 2 v, where A takes the values
/// at the roots y of order k, and x = h y. Replaces the values.
void differentiate_alone(const RootDomain& domain, std::span<Fr> block) {
  const std::vector<Fr> values(block.begin(), block.end());
  domain.differentiate(block);
  const Fr half = Fr::from_u64(domain.size() - block.size()) * Fr::from_u64(2).inverse();
  for (std::size_t i = 0; i < block.size(); ++i) block[i] += half * values[i];
}

/// The quotient at the block's own nodes. `derivative` has x f'(x) there.
std::vector<Fr> own_part(const RootDomain& domain, std::span<const Fr> values, std::span<const Fr> derivative,
                         std::uint64_t block) {
  std::vector<Fr> out(values.begin(), values.end());
  differentiate_alone(domain, out);
  const Fr factor = (Fr::from_u64(values.size()) * domain.node(block)).inverse();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = factor * (derivative[i] - out[i]);
  return out;
}

/// x f'(x) at the nodes of one block: the coefficients modulo X^k - c, at h y for the roots y of order k.
Result<std::vector<Fr>> derivative_on_block(const RootDomain& domain, std::span<const Fr> elements,
                                            std::size_t size, std::uint64_t block) {
  std::vector<Fr> values = ASSAY_TRY(internal::allocate(elements.size()));
  std::copy(elements.begin(), elements.end(), values.begin());
  domain.interpolate(values);
  std::vector<Fr> out(size);
  const Fr c = domain.node(block), h = domain.node(block * size);
  parallel_for(0, size, 64, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      for (std::size_t k = values.size() / size; k-- > 0;)
        out[i] = out[i] * c + values[k * size + i] * Fr::from_u64(k * size + i);
  });
  Fr power = Fr::one();
  for (Fr& each : out) {
    each *= power;
    power *= h;
  }
  domain.evaluate(out);
  return out;
}

/// The values of the block that are given.
IntegerView part_of(IntegerView values, std::uint64_t first, std::size_t size) {
  if (first >= values.size()) return values.subview(0, 0);
  return values.subview(first, std::min<std::uint64_t>(size, values.size() - first));
}

/// C_A of every block.
std::vector<G1Affine> block_commitments(const Srs& srs, IntegerView values, std::size_t size) {
  std::vector<G1Affine> out(srs.size() / size);
  parallel_for(0, out.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = first; block < last; ++block) {
      const IntegerView part = part_of(values, block * size, size);
      out[block] = curve::msm_vartime(srs.basis().subspan(block * size, part.size()), part);
    }
  });
  return out;
}

/// 1 / (c_A - c_B) for every block A, and zero for B.
std::vector<Fr> inverse_differences(const RootDomain& domain, std::size_t blocks, std::uint64_t block) {
  std::vector<Fr> out(blocks);
  for (std::size_t a = 0; a < blocks; ++a) out[a] = domain.node(a) - domain.node(block);
  batch_inverse(out);
  return out;
}

/// sum_{A != B} C_A / (c_A - c_B) for every block B. The c are the roots of order m in the domain's order, so
/// the matrix is a circulant up to the factor 1/c_B: with P(X) = sum_s a_s X^s, P(c_A) = C_A, the sums are
/// the values of sum_s ((m - 1)/2 - s) a_(s+1) X^s, indices modulo m.
void sum_over_others(const RootDomain& domain, std::span<G1Affine> points) {
  const std::size_t m = points.size();
  curve::interpolate_vartime(domain, points);
  std::rotate(points.begin(), points.begin() + 1, points.end());
  const Fr half = Fr::from_u64(2).inverse();
  std::vector<Fr> factors(m);
  for (std::size_t s = 0; s < m; ++s) factors[s] = (Fr::from_u64(m - 1) - Fr::from_u64(2 * s)) * half;
  curve::multiply_all_vartime(points, factors);
  curve::evaluate_vartime(domain, points);
}

}  // namespace

Result<G1Affine> open_block(const Srs& srs, IntegerView values, unsigned log_block, std::uint64_t block) {
  return ASSAY_TRY(open_blocks(srs, values, log_block, {&block, 1})).front();
}

Result<std::vector<G1Affine>> open_blocks(const Srs& srs, IntegerView values, unsigned log_block,
                                          std::span<const std::uint64_t> wanted) {
  ASSAY_TRY(check_block(srs, values, log_block, 0));
  for (const std::uint64_t block : wanted) ASSAY_TRY(check_block(srs, values, log_block, block));
  std::vector<G1Affine> out(wanted.size(), G1Affine::infinity());
  if (log_block == srs.log_size() || wanted.empty()) return out;
  const RootDomain domain(srs.log_size());
  const std::size_t size = std::size_t{1} << log_block, blocks = domain.size() >> log_block;
  std::vector<Fr> elements = ASSAY_TRY(internal::on_domain(domain, values));
  std::vector<Fr> derivative;  // at all nodes, where there are several blocks
  if (wanted.size() > 1) {
    derivative = ASSAY_TRY(internal::allocate(domain.size()));
    std::copy(elements.begin(), elements.end(), derivative.begin());
    domain.differentiate(derivative);
  }
  const bool in_sums = log_block >= kLogBlockToSum;
  std::vector<G1Affine> commitments;
  std::vector<Fr> scaled;
  if (in_sums)
    commitments = block_commitments(srs, values, size);
  else
    scaled = ASSAY_TRY(internal::allocate(domain.size()));
  Progress progress("open blocks", wanted.size());
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const std::uint64_t block = wanted[k];
    if (wanted.size() == 1) derivative = ASSAY_TRY(derivative_on_block(domain, elements, size, block));
    const auto here = wanted.size() == 1 ? std::span<const Fr>(derivative)
                                         : std::span<const Fr>(derivative).subspan(block * size, size);
    const auto own = std::span<const Fr>(elements).subspan(block * size, size);
    const std::vector<Fr> inverses = inverse_differences(domain, blocks, block);
    const std::vector<Fr> quotient = own_part(domain, own, here, block);
    if (in_sums) {
      out[k] = curve::add(curve::msm_vartime(commitments, inverses),
                          curve::msm_vartime(srs.basis().subspan(block * size, size), quotient));
    } else {
      parallel_for(0, blocks, 64, [&](std::size_t first, std::size_t last) {
        for (std::size_t a = first; a < last; ++a)
          for (std::size_t i = 0; i < size; ++i) scaled[a * size + i] = elements[a * size + i] * inverses[a];
      });
      std::copy(quotient.begin(), quotient.end(), scaled.begin() + static_cast<std::ptrdiff_t>(block * size));
      out[k] = curve::msm_vartime(srs.basis(), scaled);
    }
    progress.advance();
  }
  return out;
}

Result<std::vector<G1Affine>> open_all_blocks(const Srs& srs, IntegerView values, unsigned log_block) {
  ASSAY_TRY(check_block(srs, values, log_block, 0));
  if (log_block == srs.log_size()) return std::vector<G1Affine>{G1Affine::infinity()};
  const RootDomain domain(srs.log_size());
  const std::size_t size = std::size_t{1} << log_block, blocks = domain.size() >> log_block;
  const std::vector<Fr> elements = ASSAY_TRY(internal::on_domain(domain, values));
  std::vector<Fr> derivative = ASSAY_TRY(internal::allocate(domain.size()));
  std::copy(elements.begin(), elements.end(), derivative.begin());
  domain.differentiate(derivative);
  std::vector<G1Affine> out = block_commitments(srs, values, size);
  sum_over_others(domain, out);
  Progress progress("open blocks", blocks);
  parallel_for(0, blocks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = first; block < last; ++block) {
      const std::size_t begin = block * size;
      const std::vector<Fr> quotient = own_part(domain, std::span<const Fr>(elements).subspan(begin, size),
                                                std::span<const Fr>(derivative).subspan(begin, size), block);
      out[block] = curve::add(out[block], curve::msm_vartime(srs.basis().subspan(begin, size), quotient));
      progress.advance();
    }
  });
  return out;
}

}  // namespace assay::kzg
