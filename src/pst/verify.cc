#include <fmt/format.h>

#include <optional>

#include "assay/pst.h"
#include "base/check.h"
#include "base/try.h"
#include "integers/random_weights.h"
#include "pst/relation.h"
#include "setup/find_false.h"

namespace assay::pst {
namespace {

using internal::Equations;
using internal::EquationSum;

Verdict verdict_of(const EquationSum& sum, std::span<const curve::PreparedG2> prepared) {
  if (sum.holds(prepared)) return Verdict::accepted();
  return Verdict::rejected("opening equation",
                           "the proof does not open the commitment to this at this point");
}

}  // namespace

Verifier::Verifier(VerifierKey key) : key_(std::move(key)), digest_(key_.digest()) {
  ASSAY_CHECK_EQ(key_.secrets.size(), key_.axes.count());
  std::vector<G2Affine> points{curve::negate(G2Affine::generator())};
  points.insert(points.end(), key_.secrets.begin(), key_.secrets.end());
  prepared_ = curve::PreparedG2::of_all(points);
}

Verdict Verifier::check(const Statement& statement) const {
  Verdict form = internal::check_form(statement, key_.axes);
  if (!form.ok()) return form;
  Equations equation(key_.axes.count());
  equation.add(statement, Scalar::from_u64(1));
  return verdict_of(equation.sum(0, 1), prepared_);
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
  Verdict form = internal::check_form(statement, axes);
  if (form.ok()) form = check_level(srs, key_, fixed);
  if (!form.ok()) return form;
  // A slice of all axes is the entry, and one of none the whole tensor.
  const G1Affine slice = commit_slice(srs, fixed, statement.values).value();
  Equations equation(axes.count());
  std::vector<Fr> point(axes.count(), Fr::zero());
  std::vector<G1Affine> quotients(axes.count(), G1Affine::infinity());
  for (std::size_t i = 0; i < fixed; ++i) {
    point[i] = Fr::from_u64(statement.prefix[i]);
    quotients[i] = statement.quotients[i];
  }
  equation.add({curve::add(statement.commitment, curve::negate(slice)), point, {Fr::zero(), quotients}},
               Scalar::from_u64(1));
  return verdict_of(equation.sum(0, 1), prepared_);
}

Verdict Verifier::check_parts(const Srs& srs, const PartsStatement& statement, const World& world) const {
  Verdict form = internal::check_form(statement, key_.axes);
  if (!form.ok()) return form;
  const bool entries = statement.selection.fixed.size() == key_.axes.count();
  std::optional<PartBasis> basis;
  if (!entries) {
    form = check_level(srs, key_, statement.selection.leading());
    if (!form.ok()) return form;
    Result<PartBasis> made = PartBasis::make(srs, statement.selection.fixed);
    if (!made) return Verdict::inconclusive("levels", made.error().to_string());
    basis = *std::move(made);
  }
  Result<OpeningSum> sum = OpeningSum::begin(*this, world);
  if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
  form = sum->add(statement, basis ? &*basis : nullptr);
  if (!form.ok() || sum->holds()) return form;
  return Verdict::rejected("opening equation", "the proof does not open the commitment to these parts");
}

Verdict Verifier::check_all(std::span<const Statement> statements, const World& world) const {
  if (statements.empty()) return Verdict::inconclusive("statements", "there are none to check");
  Result<OpeningSum> sum = OpeningSum::begin(*this, world);
  if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
  Verdict form = sum->add(statements);
  if (!form.ok() || sum->holds()) return form;
  const std::vector<std::size_t> found = sum->find_false(1);
  ASSAY_CHECK(!found.empty(), statements.size());
  return check(statements[found.front()]).at_item(found.front());
}

struct OpeningSum::State {
  const Verifier* verifier;
  RandomWeights weights;
  EquationSum folded;
  Equations added;
  std::optional<EquationSum> sum_of_added;  // once it was asked for

  const EquationSum& sum() {
    if (!sum_of_added) sum_of_added = added.sum(0, added.size());
    return *sum_of_added;
  }
};

OpeningSum::OpeningSum(std::unique_ptr<State> state) : state_(std::move(state)) {}
OpeningSum::OpeningSum(OpeningSum&&) noexcept = default;
OpeningSum& OpeningSum::operator=(OpeningSum&&) noexcept = default;
OpeningSum::~OpeningSum() = default;

Result<OpeningSum> OpeningSum::begin(const Verifier& verifier, const World& world) {
  RandomWeights weights = ASSAY_TRY(RandomWeights::create(world));
  const std::size_t axes = verifier.key().axes.count();
  return OpeningSum(
      std::make_unique<State>(State{&verifier, weights, EquationSum(axes), Equations(axes), std::nullopt}));
}

Verdict OpeningSum::add(std::span<const Statement> statements) {
  for (std::size_t k = 0; k < statements.size(); ++k) {
    Verdict form = internal::check_form(statements[k], state_->verifier->key().axes);
    if (!form.ok()) return form.at_item(k);
  }
  state_->sum_of_added.reset();
  for (const Statement& statement : statements) state_->added.add(statement, state_->weights.next());
  return Verdict::accepted();
}

Verdict OpeningSum::add(const PartsStatement& statement, const PartBasis* basis) {
  const Axes& axes = state_->verifier->key().axes;
  Verdict form = internal::check_form(statement, axes);
  if (!form.ok()) return form;
  ASSAY_CHECK_EQ(basis == nullptr, statement.selection.fixed.size() == axes.count());
  std::vector<G1Affine> rests;
  if (basis != nullptr) rests = internal::commit_parts(statement, axes, basis->points());
  std::vector<Scalar> weights(statement.selection.positions.size());
  for (Scalar& weight : weights) weight = state_->weights.next();
  state_->sum_of_added.reset();
  state_->added.add(statement, axes, rests, weights);
  return form;
}

void OpeningSum::fold() {
  state_->folded += state_->sum();
  state_->sum_of_added.reset();
  state_->added = Equations(state_->verifier->key().axes.count());
}

void OpeningSum::merge(const OpeningSum& other) { state_->folded += other.state_->folded; }

bool OpeningSum::holds() const {
  EquationSum sum = state_->folded;
  sum += state_->sum();
  return sum.holds(state_->verifier->prepared_);
}

std::vector<std::size_t> OpeningSum::find_false(std::size_t most) const {
  return setup::internal::find_false(state_->added, state_->sum(), state_->verifier->prepared_, most);
}

}  // namespace assay::pst
