#include <fmt/format.h>

#include <algorithm>

#include "assay/pst.h"
#include "base/check.h"
#include "base/try.h"
#include "pst/random_weights.h"
#include "pst/relation.h"

namespace assay::pst {
namespace {

using internal::RandomWeights;
using internal::Relation;
using internal::RelationSum;

Verdict check_relation(const Relation& relation, const Axes& axes,
                       std::span<const curve::PreparedG2> prepared) {
  Verdict form = internal::check_form(relation, axes);
  if (!form.ok()) return form;
  RelationSum sum(axes.count());
  const Scalar one = Scalar::from_u64(1);
  sum.add({&relation, 1}, {&one, 1});
  if (sum.holds(prepared)) return Verdict::accepted();
  return Verdict::rejected("opening equation",
                           "the proof does not open the commitment to this at this point");
}

}  // namespace

Verifier::Verifier(VerifierKey key) : key_(std::move(key)) {
  ASSAY_CHECK_EQ(key_.secrets.size(), key_.axes.count());
  prepared_.reserve(key_.secrets.size() + 1);
  prepared_.emplace_back(curve::negate(G2Affine::generator()));
  for (const G2Affine& secret : key_.secrets) prepared_.emplace_back(secret);
}

Verdict Verifier::check(const Statement& statement) const {
  return check_relation(Relation::of(statement, key_.axes), key_.axes, prepared_);
}

Verdict Verifier::check_slice(const Srs& srs, const SliceStatement& statement) const {
  const Axes& axes = key_.axes;
  const std::size_t fixed = statement.prefix.size();
  if (fixed > axes.count())
    return Verdict::rejected("proof shape", fmt::format("{} coordinates for {} axes", fixed, axes.count()));
  // Off the grid the polynomial has values too, but the tensor has no slice.
  for (std::size_t i = 0; i < fixed; ++i)
    if (statement.prefix[i] >= axes[i])
      return Verdict::rejected(
          "proof shape", fmt::format("coordinate {} is {}, not below {}", i, statement.prefix[i], axes[i]));
  if (statement.values.size() != axes.volume(fixed))
    return Verdict::rejected("proof shape", fmt::format("{} values, the slice has {}",
                                                        statement.values.size(), axes.volume(fixed)));
  Verdict form = internal::check_form(Relation::of(statement, G1Affine::infinity()), axes);
  if (form.ok()) form = check_level(srs, key_, fixed);
  if (!form.ok()) return form;
  const G1Affine slice = commit_slice(srs, fixed, statement.values).value();
  return check_relation(Relation::of(statement, slice), axes, prepared_);
}

Verdict Verifier::check_all(std::span<const Statement> statements, const World& world) const {
  if (statements.empty()) return Verdict::inconclusive("statements", "there are none to check");
  Result<OpeningSum> sum = OpeningSum::begin(*this, world);
  if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
  Verdict form = sum->add(statements);
  if (!form.ok() || sum->holds()) return form;
  for (std::size_t k = 0; k < statements.size(); ++k) {
    Verdict alone = check(statements[k]);
    if (!alone.ok()) return alone.at_item(k);
  }
  // A sum of relations that hold holds for all weights.
  ASSAY_CHECK(false, statements.size());
}

struct OpeningSum::State {
  const Verifier* verifier;
  RandomWeights weights;
  RelationSum sum;
};

OpeningSum::OpeningSum(std::unique_ptr<State> state) : state_(std::move(state)) {}
OpeningSum::OpeningSum(OpeningSum&&) noexcept = default;
OpeningSum& OpeningSum::operator=(OpeningSum&&) noexcept = default;
OpeningSum::~OpeningSum() = default;

Result<OpeningSum> OpeningSum::begin(const Verifier& verifier, const World& world) {
  RandomWeights weights = ASSAY_TRY(RandomWeights::create(world));
  return OpeningSum(
      std::make_unique<State>(State{&verifier, weights, RelationSum(verifier.key().axes.count())}));
}

Verdict OpeningSum::add(std::span<const Statement> statements) {
  const Axes& axes = state_->verifier->key().axes;
  std::vector<Relation> relations;
  std::vector<Scalar> weights;
  relations.reserve(statements.size());
  for (std::size_t k = 0; k < statements.size(); ++k) {
    relations.push_back(Relation::of(statements[k], axes));
    Verdict form = internal::check_form(relations.back(), axes);
    if (!form.ok()) return form.at_item(k);
    weights.push_back(state_->weights.next());
  }
  state_->sum.add(relations, weights);
  return Verdict::accepted();
}

bool OpeningSum::holds() const { return state_->sum.holds(state_->verifier->prepared_); }

}  // namespace assay::pst
