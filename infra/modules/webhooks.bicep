// The webhooks of many workspaces: a secret in the vault for each app setting that workspaces.json refers to, and one for
// the card about a whole round. What is not given stays in the vault as it is.

@description('Name of the vault.')
param vaultName string

@description('Tags.')
param tags object

@description('URL of the webhook for rounds, or empty.')
@secure()
param roundWebhookUrl string

@description('URLs by the name of their app setting; one may be empty or left out.')
@secure()
param webhooks object

@description('The app settings that workspaces.json refers to.')
param settings array

var given = filter(settings, setting => contains(webhooks, setting) && !empty(webhooks[setting]))

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource roundWebhook 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(roundWebhookUrl)) {
  parent: vault
  name: 'round-webhook-url'
  tags: tags
  properties: {
    value: roundWebhookUrl
    contentType: 'text/plain'
  }
}

@description('A setting\'s secret has its name in lower case, with hyphens.')
resource entryWebhooks 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = [for setting in given: {
  parent: vault
  name: toLower(replace(setting, '_', '-'))
  tags: tags
  properties: {
    value: webhooks[setting]
    contentType: 'text/plain'
  }
}]
