#include <optional>

#include "assay/kzg.h"
#include "base/check.h"
#include "base/try.h"
#include "integers/random_weights.h"
#include "kzg/statement_form.h"
#include "setup/find_false.h"

namespace assay::kzg {

using internal::Relation;
using internal::Relations;
using internal::RelationSum;

struct OpeningSum::State {
  const Verifier* verifier;
  RandomWeights weights;
  RelationSum folded;
  Relations added;
  std::optional<RelationSum> sum_of_added;  // once it was asked for

  const RelationSum& sum() {
    if (!sum_of_added) sum_of_added = added.sum(0, added.size());
    return *sum_of_added;
  }

  void add(std::span<const Relation> relations) {
    std::vector<Scalar> of_each(relations.size());
    for (Scalar& weight : of_each) weight = weights.next();
    sum_of_added.reset();
    added.add(relations, of_each);
  }
};

OpeningSum::OpeningSum(std::unique_ptr<State> state) : state_(std::move(state)) {}
OpeningSum::OpeningSum(OpeningSum&&) noexcept = default;
OpeningSum& OpeningSum::operator=(OpeningSum&&) noexcept = default;
OpeningSum::~OpeningSum() = default;

Result<OpeningSum> OpeningSum::begin(const Verifier& verifier, const World& world) {
  RandomWeights weights = ASSAY_TRY(RandomWeights::create(world));
  const unsigned log_size = verifier.key().log_size;
  return OpeningSum(std::make_unique<State>(
      State{&verifier, weights, RelationSum(log_size), Relations(log_size), std::nullopt}));
}

Verdict OpeningSum::add(const Statement& statement) {
  std::vector<Relation> found;
  Verdict form = internal::form_of_opening(statement, found);
  if (form.ok()) state_->add(found);
  return form;
}

Verdict OpeningSum::add(const Srs& srs, std::span<const BlockStatement> blocks) {
  std::vector<Relation> found;
  for (const BlockStatement& block : blocks) {
    Verdict form = internal::form_of_block(state_->verifier->key(), srs, block, found);
    if (!form.ok()) return form;
  }
  state_->add(found);
  return Verdict::accepted();
}

Verdict OpeningSum::add(std::span<const Claim> claims, const ManyProof& proof) {
  std::vector<Relation> found;
  Verdict form = internal::form_of_many(state_->verifier->key(), claims, proof, found);
  if (form.ok()) state_->add(found);
  return form;
}

void OpeningSum::fold() {
  state_->folded += state_->sum();
  state_->sum_of_added.reset();
  state_->added = Relations(state_->verifier->key().log_size);
}

void OpeningSum::merge(const OpeningSum& other) { state_->folded += other.state_->folded; }

bool OpeningSum::holds() const {
  RelationSum sum = state_->folded;
  sum += state_->sum();
  return sum.holds(state_->verifier->prepared_);
}

std::vector<std::size_t> OpeningSum::find_false(std::size_t most) const {
  return setup::internal::find_false(state_->added, state_->sum(), state_->verifier->prepared_, most);
}

}  // namespace assay::kzg
