#include "claim/check_challenge.h"

#include <fmt/format.h>

#include "claim/query_rules.h"

namespace assay::claim::internal {

Verdict check_challenge(const Challenge& asked, const std::optional<Digest>& drawn, const Header& header,
                        const Digest& digest, const Proofs& proofs) {
  if (asked.commitment_digest != digest)
    return Verdict::rejected("challenge", fmt::format("it asks about the commitment {}, this one is {}",
                                                      to_hex(asked.commitment_digest), to_hex(digest)));
  if (drawn) {
    const Digest own = asked.digest();
    if (*drawn != own)
      return Verdict::rejected(
          "challenge", fmt::format("the one that was drawn is {}, this one {}", to_hex(*drawn), to_hex(own)));
  }
  if (asked.queries.size() != proofs.size())
    return Verdict::rejected("challenge", fmt::format("it asks for {} points, there are proofs of {}",
                                                      asked.queries.size(), proofs.size()));
  for (std::size_t k = 0; k < asked.queries.size(); ++k) {
    if (proofs.query(k) == asked.queries[k]) continue;
    const std::string fault = fault_of(asked.queries[k], header.layout.axes);
    if (!fault.empty())
      return Verdict::rejected("challenge", fmt::format("the challenge itself asks for {}: {}",
                                                        asked.queries[k].to_string(), fault))
          .at_item(k);
    return Verdict::rejected("challenge",
                             fmt::format("it asks for the point {} here", asked.queries[k].to_string()))
        .at_item(k);
  }
  if (const auto padding = find_padding(header.layout, asked.queries))
    return Verdict::rejected("challenge", "it asks for a position of padding, which shows nothing")
        .at_item(*padding);
  return Verdict::accepted();
}

}  // namespace assay::claim::internal
