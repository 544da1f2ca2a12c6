import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;

/** A CloudEvent, as far as this program looks at it: fields are added over time, and those it doesn't know it ignores. */
@JsonIgnoreProperties(ignoreUnknown = true)
record Event(
    @JsonProperty(required = true) String specversion,
    @JsonProperty(required = true) String id,
    @JsonProperty(required = true) String source,
    @JsonProperty(required = true) String type,
    @JsonProperty(required = true) String subject,
    @JsonProperty(required = true) String time,
    @JsonProperty(required = true) JsonNode data) {

  Event {
    if (!"1.0".equals(specversion)) {
      throw new IllegalArgumentException(type + " is no CloudEvent 1.0");
    }
    Instant.parse(time);
  }
}
