#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "assay/tree.h"
#include "base/check.h"
#include "tree/digest.h"
#include "tree/leaves.h"
#include "tree/openings.h"
#include "tree/shape.h"

namespace assay::tree {
namespace {

using internal::Opened;

/// Whether the key is that of the SRS, and the SRS one for such nodes.
bool fits(const Config& config, const Key& key) {
  if (key.digest() != config.srs_digest) return false;
  switch (config.kind) {
    case Kind::kMerkle:
      return true;
    case Kind::kVerkle:
      return key.kzg() != nullptr && key.kzg()->key().size() == config.fan_out();
    case Kind::kTerkle:
      break;
  }
  return key.pst() != nullptr && key.pst()->key().axes == internal::axes_of(config);
}

bool fits(Kind kind, Proof::Form form) {
  switch (form) {
    case Proof::Form::kMerkle:
      return kind == Kind::kMerkle;
    case Proof::Form::kVerkle:
    case Proof::Form::kAggregated:
      return kind == Kind::kVerkle;
    case Proof::Form::kTerkle:
      break;
  }
  return kind == Kind::kTerkle;
}

Verdict verify_merkle(const Root& root, std::span<const std::uint64_t> indices, const Leaves& leaves,
                      const Proof& proof) {
  merkle::MultiProof hashes{std::vector<Digest>(proof.body.size() / sizeof(Digest))};
  for (std::size_t i = 0; i < hashes.hashes.size(); ++i)
    std::copy_n(proof.body.begin() + static_cast<std::ptrdiff_t>(i * sizeof(Digest)), sizeof(Digest),
                hashes.hashes[i].begin());
  return merkle::verify_many(root.value, root.config.arities.front(), root.count, indices,
                             internal::leaf_hashes(leaves), hashes);
}

/// A proof made of points, against a public part and a key that belong together.
class PointProof {
 public:
  PointProof(const Root& root, std::span<const std::uint64_t> indices, const Proof& proof, const Key& key,
             const World& world)
      : root_(root), indices_(indices), proof_(proof), key_(key), world_(world) {}

  Verdict verify(const Leaves& leaves) {
    way_ = internal::way_to(root_.config.fan_out(), root_.depth(), indices_);
    Verdict verdict = read_points();
    if (!verdict.ok()) return verdict;
    collect_values(leaves);
    switch (proof_.form) {
      case Proof::Form::kVerkle:
        return check_verkle();
      case Proof::Form::kAggregated:
        return check_aggregated();
      default:
        return check_terkle();
    }
  }

 private:
  /// Points of the body behind the commitments.
  [[nodiscard]] std::uint64_t count_opening_points() const {
    if (proof_.form == Proof::Form::kAggregated) return 2;
    std::uint64_t points = 0;
    for (const Opened& node : way_) points += internal::count_quotients(root_.config, node);
    return points;
  }

  Verdict read_points() {
    const std::uint64_t expected = way_.size() - 1 + count_opening_points();
    if (proof_.body.size() != 32 * expected)
      return Verdict::rejected("proof length",
                               fmt::format("{} points, a tree of this shape takes {} for these indices",
                                           proof_.body.size() / 32, expected));
    Bytes all(root_.value.begin(), root_.value.end());
    all.insert(all.end(), proof_.body.begin(), proof_.body.end());
    points_.resize(expected + 1);
    const std::size_t bad = curve::decode_all_g1(all, points_);
    if (bad == points_.size()) return Verdict::accepted();
    const Result<G1Affine> why = curve::decode_g1(ByteSpan(all).subspan(32 * bad, 32),
                                                  bad == 0 ? "root" : fmt::format("point {}", bad - 1));
    return Verdict::rejected("proof points", why.ok() ? "not a point" : why.error().to_string());
  }

  [[nodiscard]] std::span<const G1Affine> commitments() const {
    return std::span(points_).first(way_.size());
  }
  [[nodiscard]] std::span<const G1Affine> opening_points() const {
    return std::span(points_).subspan(way_.size());
  }

  /// What every opened child must be: the digest of the commitment that stands for it, or the leaf claimed.
  void collect_values(const Leaves& leaves) {
    const internal::Digests digests(root_.config);
    std::vector<Fr> inner(way_.size() - 1);
    for (std::size_t first = 0, last = 0; first < inner.size(); first = last) {
      const unsigned height = way_[first + 1].height;
      while (last < inner.size() && way_[last + 1].height == height) ++last;
      digests.of_commitments(height, ByteSpan(proof_.body).subspan(32 * first, 32 * (last - first)),
                             std::span(inner).subspan(first, last - first));
    }
    values_.reserve(inner.size() + leaves.size());
    for (const Fr& digest : inner) values_.push_back(digest.to_scalar());
    const std::vector<Scalar> claimed = internal::child_values(digests, leaves);
    values_.insert(values_.end(), claimed.begin(), claimed.end());
  }

  [[nodiscard]] Verdict false_node(const Opened& node) const {
    return Verdict::rejected("opening equation",
                             fmt::format("the node at height {}, position {} does not open to its children",
                                         node.height, node.position));
  }

  [[nodiscard]] Verdict check_verkle() const {
    const RootDomain domain = internal::domain_of(root_.config);
    std::vector<kzg::Statement> statements;
    std::vector<std::size_t> nodes;
    for (std::size_t k = 0; k < way_.size(); ++k)
      for (const std::uint32_t child : way_[k].children) {
        const std::size_t i = statements.size();
        statements.push_back(
            {commitments()[k], domain.node(child), {Fr::from_scalar(values_[i]), opening_points()[i]}});
        nodes.push_back(k);
      }
    Verdict verdict = key_.kzg()->check_all(statements, world_);
    if (verdict.ok() || !verdict.item()) return verdict;
    return false_node(way_[nodes[*verdict.item()]]);
  }

  [[nodiscard]] Verdict check_aggregated() const {
    const std::span<const Scalar> claimed = std::span(values_).last(indices_.size());
    const Digest name = internal::name_of_claims(proof_.tree, indices_, claimed);
    const std::vector<kzg::Claim> claims =
        internal::claims_of(root_.config, way_, commitments(), values_, name);
    return key_.kzg()->check_many(claims, {opening_points()[0], opening_points()[1]});
  }

  [[nodiscard]] Verdict check_terkle() const {
    const Axes axes = internal::axes_of(root_.config);
    Result<pst::OpeningSum> sum = pst::OpeningSum::begin(*key_.pst(), world_);
    if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
    std::size_t value = 0, quotient = 0;
    for (std::size_t k = 0; k < way_.size(); ++k) {
      const std::size_t children = way_[k].children.size();
      const std::uint64_t quotients = internal::count_quotients(root_.config, way_[k]);
      pst::PartsStatement statement{
          commitments()[k], internal::selection_of(root_.config, way_[k]), {}, {}, {}};
      for (std::size_t i = 0; i < children; ++i) statement.runs.push_back({i, 1});
      statement.values = IntegerView(std::span(values_).subspan(value, children));
      const auto of_node = opening_points().subspan(quotient, quotients);
      statement.quotients.assign(of_node.begin(), of_node.end());
      Verdict form = sum->add(statement, nullptr);
      if (!form.ok()) return form;
      value += children;
      quotient += quotients;
    }
    const std::vector<std::size_t> bad = sum->find_false(1);
    return bad.empty() ? Verdict::accepted() : false_node(way_[bad.front()]);
  }

  const Root& root_;
  std::span<const std::uint64_t> indices_;
  const Proof& proof_;
  const Key& key_;
  const World& world_;
  std::vector<Opened> way_;
  std::vector<G1Affine> points_;  // the root, then those of the body
  std::vector<Scalar> values_;    // of all opened children, in the order of the way
};

}  // namespace

Verdict verify(const Root& root, std::span<const std::uint64_t> indices, const Leaves& leaves,
               const Proof& proof, const Key& key, const VerifyOptions& options) {
  const Digest digest = root.digest();
  if (options.root_digest && *options.root_digest != digest)
    return Verdict::rejected("root digest", fmt::format("the public part has {}, not {}", to_hex(digest),
                                                        to_hex(*options.root_digest)));
  if (std::string fault = internal::fault_of_indices(indices, root.count); !fault.empty())
    return Verdict::rejected("index", std::move(fault));
  if (leaves.size() != indices.size())
    return Verdict::rejected("values", fmt::format("{} for {} indices", leaves.size(), indices.size()));
  if (std::string fault = internal::fault_of_leaves(leaves, root.config.leaf); !fault.empty())
    return Verdict::rejected("values", std::move(fault));
  if (root.config.kind != Kind::kMerkle && key.kzg() == nullptr && key.pst() == nullptr)
    return Verdict::rejected(
        "setup",
        fmt::format("a {} tree is checked with the verifier's own part of its SRS, and none was given",
                    to_string(root.config.kind)));
  if (!fits(root.config, key))
    return Verdict::rejected("setup", fmt::format("the tree was made with the SRS {}, the verifier has {}",
                                                  to_hex(root.config.srs_digest), to_hex(key.digest())));
  if (proof.tree != digest)
    return Verdict::rejected(
        "tree", fmt::format("the proof is of the tree {}, not of {}", to_hex(proof.tree), to_hex(digest)));
  if (!fits(root.config.kind, proof.form))
    return Verdict::rejected("proof form",
                             fmt::format("no form of proof of a {} tree", to_string(root.config.kind)));
  Verdict verdict = root.config.kind == Kind::kMerkle
                        ? verify_merkle(root, indices, leaves, proof)
                        : PointProof(root, indices, proof, key, *options.world).verify(leaves);
  verdict.add_assumption(key.assumption(options.trusted));
  if (!options.root_digest)
    verdict.add_note(
        "no digest was expected of the public part: that it is the right one is for you to know");
  if (!verdict.ok()) return verdict;
  return verdict.add_check(root.config.kind == Kind::kMerkle ? "root" : "opening equation", Grade::kBound)
      .add_figure("leaves shown", std::uint64_t{indices.size()})
      .add_figure("leaves of the tree", root.count);
}

}  // namespace assay::tree
