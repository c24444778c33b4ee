// Decodes signatures: what is taken has one text, and whatever it says, it is asked without a crash, and not
// taken for what was not asked for. Input: the text.
#include <algorithm>

#include "assay/toploc_verdict.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  using namespace assay::toploc;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<Signature> signature = Signature::decode(text, "fuzz");
  if (!signature.ok()) {
    ASSAY_CHECK(signature.error().place.starts_with("fuzz"));
    return 0;
  }
  ASSAY_CHECK_EQ(*signature->encode(), text);
  ASSAY_CHECK(!signature->prompt_token_ids.empty() && !signature->output_token_ids.empty());

  const Offer offer = Offer::of(*signature);
  const RowRange rows = rows_of_answer(signature->prompt_token_ids.size(), signature->output_token_ids.size(),
                                       signature->parameters.batching);
  ASSAY_CHECK_EQ(offer.rows, rows.count);
  // By its own word only the proofs can fail, if there can be such a batching at all.
  const Result<Verdict> own = check_offer(offer, {signature->parameters, false}, rows.count);
  const Result<std::vector<std::uint64_t>> chunks =
      chunk_lengths(rows.count, 1, signature->parameters.batching);
  ASSAY_CHECK_EQ(own.ok(), chunks.ok());
  if (own.ok()) {
    const bool formed = signature->proofs.size() == chunks->size() &&
                        std::ranges::all_of(signature->proofs, [&](const Bytes& proof) {
                          return Proof::decode(proof, signature->parameters.topk, "proof").ok();
                        });
    ASSAY_CHECK_EQ(own->ok(), formed);
    ASSAY_CHECK(own->ok() || own->step() == "proof count" || own->step() == "proof form", own->step());
  }
  const Result<Verdict> usual = check_offer(offer, {}, rows.count);
  if (usual.ok() && usual->ok()) {
    ASSAY_CHECK_EQ(signature->parameters.topk, 128U);
    ASSAY_CHECK(signature->parameters.batching == Batching{},
                signature->parameters.batching.decode_batching_size);
  }
  return 0;
}
