import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Reads the examples of docs/contract, knowing nothing else of everfresh: {@code Examples FOLDER FIELDS}. */
public final class Examples {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Examples() {}

  /** Prints a line of JSON for each example; FIELDS says which field of the data, by the noun in the type. */
  public static void main(String[] said) throws IOException {
    if (said.length != 2) {
      System.err.println("java: say FOLDER FIELDS");
      System.exit(1);
    }
    JsonNode fields = JSON.readTree(Path.of(said[1]).toFile());
    List<Path> files;
    try (Stream<Path> found = Files.list(Path.of(said[0]))) {
      files = found.sorted().toList();
    }
    for (Path file : files) {
      System.out.println(JSON.writeValueAsString(told(JSON.readValue(file.toFile(), Event.class), fields)));
    }
  }

  private static ObjectNode told(Event event, JsonNode fields) {
    String field = fields.path(event.type().split("\\.")[1]).asText();
    ObjectNode line = JSON.createObjectNode();
    line.put("type", event.type()).put("id", event.id()).put("subject", event.subject());
    line.put("time", event.time());
    line.set("value", event.data().path(field));
    return line;
  }
}
