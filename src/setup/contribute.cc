#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wipe.h"
#include "setup/chain.h"
#include "setup/grid_products.h"
#include "setup/label.h"
#include "setup/powers_file.h"

namespace assay::setup {
namespace {

using internal::GridProducts;

constexpr std::size_t kContributionBlock = std::size_t{1} << 16;

/// Field elements that are wiped when they go. They are never moved to a larger place.
class Secrets {
 public:
  explicit Secrets(std::vector<Fr> values) : values_(std::move(values)) {}
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;
  ~Secrets() { wipe(std::span(values_)); }
  const Fr& operator[](std::size_t i) const { return values_[i]; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::vector<Fr> values_;
};

/// s^0 .. s^(n-1) for every axis.
class SecretPowers {
 public:
  SecretPowers(const Axes& axes, const Secrets& secrets) {
    ASSAY_CHECK_EQ(axes.count(), secrets.size());
    for (std::size_t i = 0; i < axes.count(); ++i) {
      std::vector<Fr>& row = rows_.emplace_back(axes[i], Fr::one());
      for (std::size_t a = 1; a < row.size(); ++a) row[a] = row[a - 1] * secrets[i];
    }
  }
  SecretPowers(const SecretPowers&) = delete;
  SecretPowers& operator=(const SecretPowers&) = delete;
  ~SecretPowers() {
    for (std::vector<Fr>& row : rows_) wipe(std::span(row));
  }
  [[nodiscard]] const std::vector<std::vector<Fr>>& rows() const { return rows_; }

 private:
  std::vector<std::vector<Fr>> rows_;
};

/// A key that depends on 64 random bytes of the world and on the entropy, so that either suffices.
Result<Digest> draw_key(ByteSpan entropy, const World& world) {
  std::array<std::uint8_t, 64> random;
  ASSAY_TRY(world.fill_random(random));
  Sha256 hash;
  hash.update("assay/ceremony/secret/v1").update(random).update_u64(entropy.size()).update(entropy);
  const Digest key = hash.digest();
  wipe(std::span(random));
  wipe(std::span(&hash, 1));
  return key;
}

std::vector<G2Affine> multiples(std::span<const G2Affine> bases, const Secrets& factors) {
  std::vector<G2Affine> out;
  for (std::size_t i = 0; i < bases.size(); ++i) out.push_back(curve::multiply_vartime(bases[i], factors[i]));
  return out;
}

/// Every power times the product of its secrets, behind the head.
Status write_powers(const Powers& before, const Ceremony& after, const Secrets& secrets,
                    const std::filesystem::path& path) {
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(internal::encode_powers_head(after)));
  const SecretPowers powers(before.axes(), secrets);
  const GridProducts products(before.axes(), powers.rows(), 0);
  const std::span<const G1Affine> points = before.points();
  Progress progress("multiply powers", points.size());
  std::vector<G1Affine> block;
  std::vector<Fr> scalars(std::min(kContributionBlock, points.size()));
  for (std::size_t first = 0; first < points.size(); first += kContributionBlock) {
    const std::size_t count = std::min(kContributionBlock, points.size() - first);
    block.assign(points.begin() + static_cast<std::ptrdiff_t>(first),
                 points.begin() + static_cast<std::ptrdiff_t>(first + count));
    const std::span<Fr> factors = std::span(scalars).first(count);
    products.fill(first, factors);
    curve::multiply_all_vartime(block, factors);
    wipe(factors);
    ASSAY_TRY(file.write(internal::raw_bytes(block)));
    progress.advance(count);
  }
  return file.publish();
}

/// What forbids another contribution, whatever it is.
Status check_room_for_more(const Ceremony& ceremony) {
  if (ceremony.contributions.size() >= Ceremony::kMaxContributions)
    return Error{ErrorCode::kTooLarge, "ceremony",
                 fmt::format("it has {} contributions, and no more fit", Ceremony::kMaxContributions)};
  if (!ceremony.contributions.empty() && ceremony.contributions.back().beacon)
    return Error{ErrorCode::kMismatch, "ceremony", "a beacon has ended it: finalize it"};
  return {};
}

}  // namespace

Result<Ceremony> start(const Axes& axes, const std::filesystem::path& path, const World& world) {
  Ceremony ceremony{axes, {}};
  ASSAY_TRY(world.fill_random(ceremony.nonce));
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(internal::encode_powers_head(ceremony)));
  const std::vector<G1Affine> block(std::min<std::uint64_t>(axes.volume(), kContributionBlock),
                                    G1Affine::generator());
  Progress progress("write powers", axes.volume());
  for (std::uint64_t left = axes.volume(); left > 0;) {
    const std::size_t count = std::min<std::uint64_t>(left, block.size());
    ASSAY_TRY(file.write(internal::raw_bytes(std::span(block).first(count))));
    progress.advance(count);
    left -= count;
  }
  ASSAY_TRY(file.publish());
  return ceremony;
}

Result<Contributed> contribute(const Powers& powers, std::string_view name, ByteSpan entropy,
                               const std::filesystem::path& path, const World& world) {
  ASSAY_TRY(internal::check_label(name, "a name", "name"));
  ASSAY_TRY(check_room_for_more(powers.ceremony()));
  Verdict before = check_powers(powers, world);
  if (!before.ok()) return Contributed{std::move(before), {}};

  Ceremony after = powers.ceremony();
  const std::size_t axes = after.axes.count();
  const std::vector<G2Affine> bases = after.secrets();
  const Digest digest = after.digest();
  Digest key = ASSAY_TRY(draw_key(entropy, world));
  // s_i of every axis, then k_i.
  const Secrets drawn(internal::draw_factors(key, 2 * axes));
  wipe(std::span(key));
  const auto part = [&](std::size_t first) {
    std::vector<Fr> out;
    out.reserve(axes);
    for (std::size_t i = 0; i < axes; ++i) out.push_back(drawn[first + i]);
    return out;
  };
  const Secrets secrets(part(0)), masks(part(axes));

  Contribution own{std::string(name), multiples(bases, secrets), multiples(bases, masks), {}};
  const std::vector<Fr> c = internal::challenges({after.axes, after.contributions.size(), digest}, own);
  for (std::size_t i = 0; i < axes; ++i) own.responses.push_back(masks[i] + c[i] * secrets[i]);
  after.contributions.push_back(std::move(own));
  ASSAY_TRY(write_powers(powers, after, secrets, path));
  return Contributed{std::move(before), std::move(after)};
}

Result<Contributed> apply_beacon(const Powers& powers, std::string_view name, const Beacon& beacon,
                                 const std::filesystem::path& path, const World& world) {
  ASSAY_TRY(internal::check_label(name, "a name", "name"));
  ASSAY_TRY(internal::check_beacon_form(beacon, "beacon"));
  ASSAY_TRY(check_room_for_more(powers.ceremony()));
  Verdict before = check_powers(powers, world);
  if (before.ok()) before = check_contributors(powers.ceremony());
  if (!before.ok()) return Contributed{std::move(before), {}};

  Ceremony after = powers.ceremony();
  const Digest digest = after.digest();
  const Secrets secrets(
      internal::secrets_of_beacon({after.axes, after.contributions.size(), digest}, name, beacon));
  after.contributions.push_back({std::string(name), multiples(after.secrets(), secrets), {}, {}, beacon});
  ASSAY_TRY(write_powers(powers, after, secrets, path));
  return Contributed{std::move(before), std::move(after)};
}

}  // namespace assay::setup
